/** How much is moved at once, and how long the database rests then: pure. */
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
 * The database is spared, whatever room Redis has left: it rests as long as it has worked, what takes too
 * long is halved, and where one chunk takes too long the rests double.
 *
 * @param elapsedMs what the database took for the last batch.
 * @param budgetMs what it may take.
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

/** Over its budget with a single chunk: moving waits for the database. */
export const isThrottled = (pace: Pace, budgetMs: number): boolean =>
  pace.batchBytes <= chunkBytes && pace.pauseMs > budgetMs;
