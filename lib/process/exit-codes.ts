/** The exit codes of every program here; scripts rely on them, so a number never changes its meaning. */
export const exitCodes = {
  ok: 0,
  /** A check found something wrong, an invariant is broken, or the work itself failed. */
  failed: 1,
  /** The command line is wrong. */
  usage: 2,
  /**
   * A setting, a privilege or another prerequisite is missing; nothing was changed. Only `topics apply` may have
   * created missing topics beside one that cannot be used.
   */
  configuration: 3,
  /** A required server does not answer; the same command may work later. */
  unreachable: 4,
  /** `connect apply` has found that changes of the database were lost earlier: a full sweep must follow. */
  changesLost: 5,
  /**
   * There was work, but it stood still for too long without a known reason: ended so that another process can take
   * over.
   */
  stalled: 6,
  /** A second signal ended the program at once, without the drain: 128 plus the signal's number. */
  hungUp: 129,
  interrupted: 130,
  terminated: 143,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];
