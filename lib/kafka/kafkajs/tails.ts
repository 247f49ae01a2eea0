/**
 * How much is left in partitions, by the logs and the group itself: one OffsetFetch, and one ListOffsets for each
 * leader, over the consumer's own connections.
 *
 * Up to the last stable offset, which is as far as the consumer can read: records of an open transaction are no work
 * yet.
 */
import type { Cluster, PartitionOffset } from 'kafkajs';
import type { Tail, TopicPartition } from '../client-port';
import type { Attached } from './cluster-hooks';
import { byTopic } from './positions';

/** Fields that the types leave out. */
type Answer = PartitionOffset & { readonly metadata?: string | null };

const latest = -1;
const keyOf = ({ topic, partition }: TopicPartition): string => `${topic}/${partition}`;

/**
 * Works for no partition at all, too: then an answer proves that the group's coordinator is available.
 *
 * @throws Error of kafkajs when the coordinator cannot be reached. An unreachable leader costs its own ends only.
 */
export async function readTails(
  { cluster, coordinator }: Attached,
  groupId: string,
  of: readonly TopicPartition[],
): Promise<readonly Tail[]> {
  const topics = byTopic(of, ({ partition }) => ({ partition, offset: '-1' }));
  const { responses } = await coordinator.request((one) => one.offsetFetch({ groupId, topics }));
  // The ends are read last: the other way round, finished work would look like work that never existed.
  const ends = await readEnds(cluster, of);
  const offsets = new Map(
    responses.flatMap(({ topic, partitions }) =>
      partitions.map((one: Answer) => [keyOf({ topic, partition: one.partition }), one] as const),
    ),
  );
  return of.map((at) => {
    const group = offsets.get(keyOf(at));
    return {
      ...at,
      committed: Number(group?.offset ?? -1),
      metadata: group?.metadata ?? '',
      logEnd: ends.get(keyOf(at)) ?? null,
    };
  });
}

/** Leader by leader: an unavailable one must not hide what the others know. */
async function readEnds(
  cluster: Cluster,
  of: readonly TopicPartition[],
): Promise<ReadonlyMap<string, number>> {
  const ends = new Map<string, number>();
  const groups = Map.groupBy(of, (at) => leaderOf(cluster, at));
  const asked = [...groups].map(async ([leader, own]) => {
    if (leader === null) throw new Error('A partition has no leader.');
    const topics = byTopic(own, ({ partition }) => ({ partition }));
    const answers = await cluster.fetchTopicsOffset(
      topics.map((topic) => ({ ...topic, fromTimestamp: latest })),
    );
    for (const { topic, partitions } of answers) {
      for (const { partition, offset } of partitions) {
        ends.set(keyOf({ topic, partition }), Number(offset));
      }
    }
  });
  const settled = await Promise.allSettled(asked);
  // The next read knows the new leader.
  if (settled.some(({ status }) => status === 'rejected')) {
    await cluster.refreshMetadata().catch(() => undefined);
  }
  return ends;
}

function leaderOf(cluster: Cluster, { topic, partition }: TopicPartition): string | null {
  try {
    return Object.keys(cluster.findLeaderForPartitions(topic, [partition]))[0] ?? null;
  } catch {
    return null;
  }
}
