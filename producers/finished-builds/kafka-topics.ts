/** The two topics that this process writes: the finished builds, and how far the stale sweep has come. */
import type { Codec } from '../../lib/avro/codec';
import type { TopicAdmin } from '../../lib/kafka/topics/admin';
import type { RecordProducer } from '../../lib/kafka/producer';
import type { BuildFinished, StaleProgress } from '../../schemas/generated';
import type { CursorTopic, FinishedRecord, FinishedTopic, PartitionBacklog } from './ports';
import { progressKey } from './progress';

/** `builds.finished`. */
export class KafkaFinishedTopic implements FinishedTopic {
  constructor(
    private readonly topic: string,
    /** The group that archives; the stale sweep waits for its progress. */
    private readonly group: string,
    private readonly producer: Pick<RecordProducer, 'send'>,
    private readonly codec: Pick<Codec<BuildFinished>, 'encode'>,
    private readonly positions: Pick<TopicAdmin, 'committed' | 'ends'>,
  ) {}

  async produce(records: readonly FinishedRecord[]): Promise<void> {
    const { topic } = this;
    const outgoing = await Promise.all(
      records.map(async ({ key, value }) => ({
        topic,
        key,
        value: await this.codec.encode(value),
      })),
    );
    await this.producer.send(outgoing);
  }

  async backlog(): Promise<readonly PartitionBacklog[]> {
    const [committed, ends] = await Promise.all([
      this.positions.committed(this.group, this.topic),
      this.positions.ends(this.topic),
    ]);
    const offsets = new Map(committed.map(({ partition, offset }) => [partition, offset]));
    return ends.map(({ partition, logStart, highWatermark }) => ({
      partition,
      committed: Math.max(offsets.get(partition) ?? -1, logStart),
      end: highWatermark,
    }));
  }
}

/** `afterbuild.stale-progress`: a slice's cursor lies in the partition of its number. */
export class KafkaCursorTopic implements CursorTopic {
  constructor(
    private readonly topic: string,
    private readonly producer: Pick<RecordProducer, 'send'>,
    private readonly codec: Pick<Codec<StaleProgress>, 'encode'>,
    /** Called with each cursor as soon as it is acknowledged, before it comes back through the topic. */
    private readonly onWritten: (progress: StaleProgress) => void,
  ) {}

  async write(progress: StaleProgress): Promise<void> {
    const { slice } = progress;
    const value = await this.codec.encode(progress);
    const record = { topic: this.topic, key: progressKey(slice), partition: slice, value };
    await this.producer.send([record]);
    this.onWritten(progress);
  }
}
