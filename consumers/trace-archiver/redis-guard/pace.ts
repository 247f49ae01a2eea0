/** Decides how much is moved at once, and how long the database rests then. Pure. */
import { chunkBytes } from '../../../lib/gitlab/trace-chunks';

export interface Pace {
  /** Bytes of one transaction; never less than one chunk. */
  readonly batchBytes: number;
  /** Before the next one. */
  readonly pauseMs: number;
}

export const batchBytesMax = 32 * chunkBytes;
const pauseMaxMs = 60_000;

export const firstPace: Pace = { batchBytes: 4 * chunkBytes, pauseMs: 0 };

/**
 * Spares the database, however little room Redis has left: it rests as long as it has worked, a batch that takes too
 * long is halved, and when one chunk takes too long the rests double.
 *
 * @param elapsedMs how long the database took for the last batch.
 * @param budgetMs its time limit.
 */
export function nextPace(pace: Pace, elapsedMs: number, budgetMs: number): Pace {
  if (elapsedMs <= budgetMs) {
    const grown = elapsedMs <= budgetMs / 2 ? 2 * pace.batchBytes : pace.batchBytes;
    return { batchBytes: Math.min(batchBytesMax, grown), pauseMs: Math.ceil(elapsedMs) };
  }
  const isLeast = pace.batchBytes <= chunkBytes;
  return {
    batchBytes: Math.max(chunkBytes, Math.floor(pace.batchBytes / 2)),
    pauseMs: Math.min(
      pauseMaxMs,
      Math.ceil(isLeast ? 2 * Math.max(pace.pauseMs, elapsedMs) : elapsedMs),
    ),
  };
}

/** A single chunk exceeds the budget: moving waits for the database. */
export const isThrottled = (pace: Pace, budgetMs: number): boolean =>
  pace.batchBytes <= chunkBytes && pace.pauseMs > budgetMs;
