/** Adds partitions to existing topics, one topic after the other, each usable before the next. */
import type { Admin } from 'kafkajs';
import { unledTypes, awaitLeaders } from './await-leaders';

interface Growth {
  /** Full name, namespace included. */
  readonly topic: string;
  /** The total afterwards. */
  readonly count: number;
}

const limitMs = 60_000;
/** The broker that answers may not have heard of the new ones yet. */
const notYet = ['UNKNOWN_TOPIC_OR_PARTITION', 'NOT_ALL_THERE', ...unledTypes];

/**
 * All requests are first validated without effect, so that a missing privilege changes nothing. A crash in the middle
 * leaves whole topics behind: the next call goes on with the others.
 * @throws the broker's refusal.
 */
export async function growTopics(admin: Admin, growths: readonly Growth[]): Promise<void> {
  if (growths.length === 0) return;
  await admin.createPartitions({ topicPartitions: growths.map(asked), validateOnly: true });
  for (const growth of growths) {
    await admin.createPartitions({ topicPartitions: [asked(growth)] });
    await awaitLeaders(limitMs, () => allLed(admin, growth), notYet);
  }
}

const asked = ({ topic, count }: Growth): { topic: string; count: number } => ({ topic, count });

async function allLed(admin: Admin, { topic, count }: Growth): Promise<void> {
  const ends = await admin.fetchTopicOffsets(topic);
  if (ends.length >= count) return;
  const error = new Error(`${topic} does not show all of its ${count} partitions.`);
  throw Object.assign(error, { type: 'NOT_ALL_THERE' });
}
