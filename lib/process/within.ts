/** Waits for something, but not for ever. */
import type { Clock } from './clock';

/**
 * @returns what `work` gives, or `otherwise` when it has not by then; leaves no timer behind. Work that
 * is late goes on, and what becomes of it is not looked at.
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
