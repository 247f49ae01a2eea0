/** Creates topics and waits until they can be used: kafkajs itself waits for less than that. */
import type { Admin, ITopicConfig } from 'kafkajs';
import { unledTypes, awaitLeaders } from './await-leaders';

/** Answers of a broker that has only just heard of a topic. */
const notYet = ['UNKNOWN_TOPIC_OR_PARTITION', ...unledTypes];
const limitMs = 60_000;

/**
 * Resolves when every partition has a leader that answers. Existing topics are left as they are.
 * @throws the broker's refusal, or its last answer when a minute was not enough.
 */
export async function createTopics(admin: Admin, topics: readonly ITopicConfig[]): Promise<void> {
  await admin.createTopics({ waitForLeaders: false, topics: [...topics] });
  const names = topics.map(({ topic }) => topic);
  await awaitLeaders(limitMs, () => admin.fetchTopicMetadata({ topics: names }), notYet);
  for (const name of names)
    await awaitLeaders(limitMs, () => admin.fetchTopicOffsets(name), notYet);
}
