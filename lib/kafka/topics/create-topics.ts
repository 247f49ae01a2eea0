/** Topics that can be used as soon as they have been created: kafkajs waits for less than that. */
import type { Admin, ITopicConfig } from 'kafkajs';
import { unledTypes, whenLed } from './await-leaders';

/** What a broker says of a topic that it has only just been told of. */
const notYet = ['UNKNOWN_TOPIC_OR_PARTITION', ...unledTypes];
const limitMs = 60_000;

/**
 * Resolves when every partition has a leader that answers. Topics that exist already are left as they are.
 * @throws the broker's refusal, or what it said last when a minute was not enough.
 */
export async function createTopics(admin: Admin, topics: readonly ITopicConfig[]): Promise<void> {
  await admin.createTopics({ waitForLeaders: false, topics: [...topics] });
  const names = topics.map(({ topic }) => topic);
  await whenLed(limitMs, () => admin.fetchTopicMetadata({ topics: names }), notYet);
  for (const name of names) await whenLed(limitMs, () => admin.fetchTopicOffsets(name), notYet);
}
