/** Topics that can be used as soon as they have been created: kafkajs waits for less than that. */
import type { Admin, ITopicConfig } from 'kafkajs';
import { systemClock } from '../process/clock';

/** What a broker says of a topic that it has only just been told of. */
const notYet = new Set([
  'UNKNOWN_TOPIC_OR_PARTITION',
  'LEADER_NOT_AVAILABLE',
  'NOT_LEADER_FOR_PARTITION',
]);
const askEveryMs = 100;
const limitMs = 60_000;

/**
 * Resolves when every partition has a leader that answers. Topics that exist already are left as they are.
 * @throws the broker's refusal, or what it said last when a minute was not enough.
 */
export async function createTopics(admin: Admin, topics: readonly ITopicConfig[]): Promise<void> {
  await admin.createTopics({ waitForLeaders: false, topics: [...topics] });
  const names = topics.map(({ topic }) => topic);
  const deadlineMs = performance.now() + limitMs;
  await answered(deadlineMs, () => admin.fetchTopicMetadata({ topics: names }));
  for (const name of names) await answered(deadlineMs, () => admin.fetchTopicOffsets(name));
}

async function answered(deadlineMs: number, ask: () => Promise<unknown>): Promise<void> {
  for (;;) {
    try {
      await ask();
      return;
    } catch (error) {
      const { type } = error as { type?: string };
      if (!notYet.has(type ?? '') || performance.now() >= deadlineMs) throw error;
      await systemClock.sleep(askEveryMs);
    }
  }
}
