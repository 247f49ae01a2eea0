/** The topics that a producer writes: records for a group, whose progress it follows, and the progress of its sweeps. */
import type { Codec } from '../avro/codec';
import type { OutgoingRecord, RecordProducer } from '../kafka/producer';
import type { TopicAdmin } from '../kafka/topics/admin';

/** How far the readers of a partition have come: [committed, end) is left. */
export interface PartitionBacklog {
  readonly partition: number;
  /** First offset that is not done; the log's start when the group has never committed. */
  readonly committed: number;
  readonly end: number;
}

type Outgoing<V> = Pick<OutgoingRecord, 'key' | 'partition'> & { readonly value: V };

interface EncodedTopic<V> {
  /** Full name. */
  readonly topic: string;
  readonly producer: Pick<RecordProducer, 'send'>;
  readonly codec: Pick<Codec<V>, 'encode'>;
}

/** A topic of work, and the group that does the work; full names. */
export interface WorkTopic<V> extends EncodedTopic<V> {
  readonly group: string;
  readonly admin: Pick<TopicAdmin, 'committed' | 'ends'>;
}

/** A topic of the progress of sweeps. */
export interface WrittenProgress<V, Written extends unknown[]> extends EncodedTopic<V> {
  /** Called with each record as soon as it is acknowledged, before it comes back through the topic. */
  readonly onWritten: (...written: Written) => void;
}

/**
 * Resolves when every record is acknowledged by all replicas.
 * @returns the offset of each record, in their order; null where the client does not report it.
 */
export async function sendEncoded<V>(
  { topic, producer, codec }: EncodedTopic<V>,
  records: readonly Outgoing<V>[],
): Promise<readonly (number | null)[]> {
  const outgoing = records.map(async (record) => ({
    ...record,
    topic,
    value: await codec.encode(record.value),
  }));
  return producer.send(await Promise.all(outgoing));
}

/** The progress of the group that does the work. */
export async function readBacklog({
  topic,
  group,
  admin,
}: Pick<WorkTopic<unknown>, 'topic' | 'group' | 'admin'>): Promise<readonly PartitionBacklog[]> {
  const [committed, ends] = await Promise.all([admin.committed(group, topic), admin.ends(topic)]);
  const offsets = new Map(committed.map(({ partition, offset }) => [partition, offset]));
  return ends.map(({ partition, logStart, highWatermark }) => ({
    partition,
    committed: Math.max(offsets.get(partition) ?? -1, logStart),
    end: highWatermark,
  }));
}
