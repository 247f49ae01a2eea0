/** Errors that a handler throws or returns on purpose: no server is away, and nothing of ours is broken. */

/** It is not time yet (a cap, a transaction that is not visible): again in place, as often as it takes. */
export class WaitError extends Error {
  override readonly name = 'WaitError';

  /** It is looked at again after so long at most, however often it was not time yet. */
  readonly withinMs: number;
  /** When it has not been time for so long, it is taken to fail for the record's own sake after all. */
  readonly patienceMs: number;

  constructor(
    message: string,
    { withinMs = Infinity, patienceMs = Infinity }: { withinMs?: number; patienceMs?: number } = {},
  ) {
    super(message);
    this.withinMs = withinMs;
    this.patienceMs = patienceMs;
  }
}

/** This record at this moment (a trace that is being written, a lease that somebody has): an attempt is counted. */
export class RecordBusyError extends Error {
  override readonly name = 'RecordBusyError';
}
