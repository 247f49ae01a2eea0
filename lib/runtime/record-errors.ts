/** Errors that a handler throws or returns on purpose: no server is unavailable, and nothing of ours is broken. */

/** Too early (a cap, a transaction that is not visible yet): tried again in place, without a limit. */
export class WaitError extends Error {
  override readonly name = 'WaitError';

  /** Longest pause before the next try, however often it came too early. */
  readonly withinMs: number;
  /** A wait that lasts longer than this counts as a failure of the record after all. */
  readonly patienceMs: number;
  /** Part of healthy work (a cap, a transaction that is not visible yet): no warning. */
  readonly isUsual: boolean;

  /** @param options a wait without end is `usual`, unless the option says otherwise. */
  constructor(
    message: string,
    options: { withinMs?: number; patienceMs?: number; isUsual?: boolean } = {},
  ) {
    super(message);
    this.withinMs = options.withinMs ?? Infinity;
    this.patienceMs = options.patienceMs ?? Infinity;
    this.isUsual = options.isUsual ?? this.patienceMs === Infinity;
  }
}

/**
 * A failure of this record at this moment (a trace that is being written, a lease held elsewhere): an attempt is
 * counted.
 */
export class RecordBusyError extends Error {
  override readonly name = 'RecordBusyError';
}
