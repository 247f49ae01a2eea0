/** Errors that a handler throws or returns on purpose: no server is away, and nothing of ours is broken. */

/** It is not time yet (a cap, a transaction that is not visible): again in place, as often as it takes. */
export class WaitError extends Error {
  override readonly name = 'WaitError';

  /** It is looked at again after so long at most, however often it was not time yet. */
  readonly withinMs: number;
  /** When it has not been time for so long, it is taken to fail for the record's own sake after all. */
  readonly patienceMs: number;
  /** Part of healthy work (a cap, a transaction that is not visible), and nothing to warn of. */
  readonly isUsual: boolean;

  /** @param options usual is what waits without end, unless it says otherwise. */
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

/** This record at this moment (a trace that is being written, a lease that somebody has): an attempt is counted. */
export class RecordBusyError extends Error {
  override readonly name = 'RecordBusyError';
}
