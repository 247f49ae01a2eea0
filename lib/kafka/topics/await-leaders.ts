/** Repeats requests to leaders that are being elected: after a broker has started, or a topic was created. */
import { systemClock } from '../../process/clock';

const askEveryMs = 100;

/** A broker's answer for a partition that it does not lead, or not yet. */
export const unledTypes: readonly string[] = ['LEADER_NOT_AVAILABLE', 'NOT_LEADER_FOR_PARTITION'];

/**
 * Repeats until there is an answer.
 * @param passing types of kafkajs errors that pass by themselves.
 * @throws any other error at once, and the last one when the time is over.
 */
export async function awaitLeaders<T>(
  limitMs: number,
  ask: () => Promise<T>,
  passing: readonly string[] = unledTypes,
): Promise<T> {
  const deadlineMs = performance.now() + limitMs;
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      const { type = '' } = error as { type?: string };
      if (!passing.includes(type) || performance.now() >= deadlineMs) throw error;
      await systemClock.sleep(askEveryMs);
    }
  }
}
