/** Errors that a handler throws or returns on purpose: no server is away, and nothing of ours is broken. */

/** It is not time yet (a cap, a transaction that is not visible): again in place, as often as it takes. */
export class WaitError extends Error {
  override readonly name = 'WaitError';

  /** @param withinMs it is looked at again after so long at most, however often it was not time yet. */
  constructor(
    message: string,
    readonly withinMs = Infinity,
  ) {
    super(message);
  }
}

/** This record at this moment (a trace that is being written, a lease that somebody has): an attempt is counted. */
export class RecordBusyError extends Error {
  override readonly name = 'RecordBusyError';
}
