/** What `afterbuild` exits with; scripts rely on it, so a number never changes its meaning. */
export const exitCodes = {
  ok: 0,
  /** A check found something wrong, an invariant is broken, or the command failed in its own work. */
  failed: 1,
  /** The command line is wrong. */
  usage: 2,
  /** A setting, a privilege or another prerequisite is missing; nothing was changed. */
  configuration: 3,
  /** A server that is needed does not answer; the same command may work later. */
  unreachable: 4,
  /** Done, but changes of the database were lost before: a full sweep must follow. */
  changesLost: 5,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** For `afterbuild --help`. */
export const exitCodesHelp = `
Exit codes:
  0  done
  1  a check found something wrong, or the command failed
  2  the command line is wrong
  3  a setting, a privilege or another prerequisite is missing; nothing was changed
  4  a server does not answer; the same command may work later
  5  done, but changes of the database were lost before: a full sweep must follow`;
