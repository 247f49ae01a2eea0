/** The two topics that this process writes: the expired artifacts, and how far the sweeps have come. */
import { partitionOf } from '../../lib/kafka/producer';
import {
  readBacklog,
  sendEncoded,
  type PartitionBacklog,
  type WorkTopic,
  type WrittenProgress,
} from '../../lib/source/encoded-topic';
import type { ArtifactsExpired, SweepProgress } from '../../schemas/generated';
import type { ExpiredTopic, PlacedRecord, ProgressTopic } from './ports';
import { progressKey, type SweepKind } from './progress';

/** `artifacts.expired`. */
export class KafkaExpiredTopic implements ExpiredTopic {
  #partitions: number;

  constructor(
    partitions: number,
    /** With the group that deletes: its progress is the measure of the loop limit. */
    private readonly work: WorkTopic<ArtifactsExpired>,
  ) {
    this.#partitions = partitions;
  }

  get partitions(): number {
    return this.#partitions;
  }

  partitionOf(key: string): number {
    return partitionOf(key, this.#partitions);
  }

  produce(records: readonly PlacedRecord[]): Promise<readonly (number | null)[]> {
    return sendEncoded(this.work, records);
  }

  async backlog(): Promise<readonly PartitionBacklog[]> {
    const backlog = await readBacklog(this.work);
    this.#partitions = Math.max(this.#partitions, backlog.length);
    return backlog;
  }
}

/** `afterbuild.progress`. */
export class KafkaProgressTopic implements ProgressTopic {
  constructor(
    private readonly partitions: number,
    private readonly written: WrittenProgress<
      SweepProgress,
      [partition: number, progress: SweepProgress]
    >,
  ) {}

  partitionOf(shard: string): number {
    return partitionOf(progressKey('due', shard), this.partitions);
  }

  /** Both sweeps of a shard use the partition of its due sweep's key, so that one member reads both. */
  async write(progress: SweepProgress): Promise<void> {
    const partition = this.partitionOf(progress.shard);
    const key = progressKey(progress.sweep as SweepKind, progress.shard);
    await sendEncoded(this.written, [{ key, partition, value: progress }]);
    this.written.onWritten(partition, progress);
  }
}
