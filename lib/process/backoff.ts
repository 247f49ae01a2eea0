/** How long to wait before a retry. */

interface RetryPace {
  readonly retryFirstMs: number;
  readonly retryMaxMs: number;
}

/**
 * Doubles with each failure up to the cap. A random share between half and the whole of it is taken, so that lanes (and
 * processes) that fail together do not come back together.
 *
 * @param failures how often it has failed in a row, from 1.
 */
export function retryDelayMs(failures: number, pace: RetryPace, random: () => number): number {
  const capped = Math.min(pace.retryMaxMs, pace.retryFirstMs * 2 ** Math.min(failures - 1, 30));
  return Math.ceil(capped * (0.5 + random() / 2));
}
