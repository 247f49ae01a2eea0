/** Repeats what depends on a server until it works: an outage costs delay, nothing else. */
import { retryDelayMs } from '../kafka/retry-delay';
import type { Clock } from './clock';
import type { Logger } from './logger';

const pace = { retryFirstMs: 100, retryMaxMs: 5_000 };

export interface UntilDone {
  /**
   * @param doing for the log, for example `reading a page`. Logged when it begins to fail and when it
   * works again, not in between.
   * The first attempt is made in any case, so that what was begun is finished.
   * @throws the signal's reason between two attempts, and what `isFinal` says no repetition can heal.
   */
  <T>(doing: string, signal: AbortSignal, work: () => Promise<T>): Promise<T>;
}

export function createUntilDone(
  clock: Clock,
  logger: Logger,
  random: () => number,
  isFinal: (error: unknown) => boolean = () => false,
): UntilDone {
  return async (doing, signal, work) => {
    const beganAtMs = clock.nowMs();
    for (let failures = 0; ;) {
      try {
        const result = await work();
        if (failures > 0) {
          const elapsedMs = clock.nowMs() - beganAtMs;
          logger.info({ event: 'dependency.back', doing, failures, elapsedMs }, 'works again');
        }
        return result;
      } catch (error) {
        signal.throwIfAborted();
        if (isFinal(error)) throw error;
        failures += 1;
        if (failures === 1) {
          logger.warn({ event: 'dependency.failed', doing, err: error }, 'failed, repeating');
        }
        await clock.sleep(retryDelayMs(failures, pace, random), signal);
      }
    }
  };
}
