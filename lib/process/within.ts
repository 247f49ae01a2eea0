/** Waits for a result within a time limit. */
import type { Clock } from './clock';

/**
 * @returns the result of `work`, or `otherwise` when it is late; leaves no timer behind. Late work goes on, and its
 * result is ignored.
 */
export async function within<T>(
  clock: Clock,
  limitMs: number,
  work: Promise<T>,
  otherwise: T,
): Promise<T> {
  const settled = new AbortController();
  const limit = clock.sleep(limitMs, settled.signal).then(
    () => otherwise,
    () => otherwise,
  );
  try {
    return await Promise.race([work, limit]);
  } finally {
    settled.abort();
  }
}
