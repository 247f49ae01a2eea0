/** The two topics that this process writes: the expired artifacts, and how far the sweeps have come. */
import type { Codec } from '../../lib/avro/codec';
import { type RecordProducer, partitionOf } from '../../lib/kafka/producer';
import type { ArtifactsExpired, SweepProgress } from '../../schemas/generated';
import type { ExpiredTopic, PartitionBacklog, PlacedRecord, ProgressTopic } from './ports';
import { progressKey, type SweepKind } from './progress';

/** The calls of `lib/kafka`'s TopicAdmin that are used. */
interface TopicPositions {
  committed(
    group: string,
    topic: string,
  ): Promise<readonly { readonly partition: number; readonly offset: number }[]>;
  ends(topic: string): Promise<
    readonly {
      readonly partition: number;
      readonly logStart: number;
      readonly highWatermark: number;
    }[]
  >;
}

/** `artifacts.expired`. */
export class KafkaExpiredTopic implements ExpiredTopic {
  #partitions: number;

  constructor(
    partitions: number,
    private readonly topic: string,
    /** The group that deletes; its progress is the measure of the loop limit. */
    private readonly group: string,
    private readonly producer: RecordProducer,
    private readonly codec: Codec<ArtifactsExpired>,
    private readonly positions: TopicPositions,
  ) {
    this.#partitions = partitions;
  }

  get partitions(): number {
    return this.#partitions;
  }

  partitionOf(key: string): number {
    return partitionOf(key, this.#partitions);
  }

  async produce(records: readonly PlacedRecord[]): Promise<readonly (number | null)[]> {
    const { topic } = this;
    const outgoing = await Promise.all(
      records.map(async ({ key, partition, value }) => ({
        topic,
        key,
        partition,
        value: await this.codec.encode(value),
      })),
    );
    return this.producer.send(outgoing);
  }

  async backlog(): Promise<readonly PartitionBacklog[]> {
    const [committed, ends] = await Promise.all([
      this.positions.committed(this.group, this.topic),
      this.positions.ends(this.topic),
    ]);
    this.#partitions = Math.max(this.#partitions, ends.length);
    const offsets = new Map(committed.map(({ partition, offset }) => [partition, offset]));
    return ends.map(({ partition, logStart, highWatermark }) => ({
      partition,
      committed: Math.max(offsets.get(partition) ?? -1, logStart),
      end: highWatermark,
    }));
  }
}

/** `afterbuild.progress`. */
export class KafkaProgressTopic implements ProgressTopic {
  constructor(
    private readonly partitions: number,
    private readonly topic: string,
    private readonly producer: RecordProducer,
    private readonly codec: Codec<SweepProgress>,
    /** Called with each watermark as soon as it is acknowledged, before it comes back through the topic. */
    private readonly onWritten: (partition: number, progress: SweepProgress) => void,
  ) {}

  partitionOf(shard: string): number {
    return partitionOf(progressKey('due', shard), this.partitions);
  }

  /** Both sweeps of a shard use the partition of its due sweep's key, so that one member reads both. */
  async write(progress: SweepProgress): Promise<void> {
    const partition = this.partitionOf(progress.shard);
    const key = progressKey(progress.sweep as SweepKind, progress.shard);
    const value = await this.codec.encode(progress);
    await this.producer.send([{ topic: this.topic, key, partition, value }]);
    this.onWritten(partition, progress);
  }
}
