/**
 * What is left in partitions, by the log and the group themselves: one OffsetFetch, and one ListOffsets of each
 * leader, over the consumer's own connections.
 *
 * Up to the last stable offset, which is as far as the consumer can read: what an open transaction has written
 * is nobody's work yet.
 */
import type { Cluster, PartitionOffset } from 'kafkajs';
import type { Tail, TopicPartition } from '../client-port';
import type { Attached } from './cluster-hooks';
import { byTopic } from './positions';

/** What the types leave out. */
type Answer = PartitionOffset & { readonly metadata?: string | null };

const latest = -1;
const keyOf = ({ topic, partition }: TopicPartition): string => `${topic}/${partition}`;

/**
 * Also for no partition at all: then an answer says that the group's coordinator is there.
 *
 * @throws Error of kafkajs when the coordinator cannot be reached. A leader that cannot costs its own ends only.
 */
export async function readTails(
  { cluster, coordinator }: Attached,
  groupId: string,
  of: readonly TopicPartition[],
): Promise<readonly Tail[]> {
  const topics = byTopic(of, ({ partition }) => ({ partition, offset: '-1' }));
  const { responses } = await coordinator.request((one) => one.offsetFetch({ groupId, topics }));
  // The ends last: read the other way round, work done in between would look like work that was never there.
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

/** Leader by leader: one that is away must not hide what the others know. */
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
  // Whoever leads now is known at the next look.
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
