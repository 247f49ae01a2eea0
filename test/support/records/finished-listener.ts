/** Listens to `builds.finished` from its beginning, and archives nothing. */
import { createCodec } from '../../../lib/avro/codec';
import { createRegistry } from '../../../lib/avro/registry';
import { loadSchema } from '../../../lib/avro/schema-file';
import type { Consumer } from '../../../lib/runtime/consumer';
import { done } from '../../../lib/runtime/outcome';
import { createConsumer } from '../../../lib/runtime/member/create-consumer';
import { topicNames } from '../../../lib/kafka/topics/topics';
import { systemClock as clock } from '../../../lib/process/clock';
import { createLogger } from '../../../lib/process/logger';
import type { BuildFinished } from '../../../schemas/generated';
import type { Scenario } from '../scenario/scenario';

const topic = topicNames.buildsFinished;
const archivingGroup = 'trace-archiver';

export class FinishedListener {
  readonly records: BuildFinished[] = [];
  private readonly consumer: Consumer;

  constructor(private readonly scenario: Scenario) {
    const url = scenario.stack.addresses.registryUrl;
    const codec = createCodec<BuildFinished>(createRegistry({ url, clock }), {
      subject: scenario.named(`${topic}-value`),
      schema: loadSchema(topic),
    });
    this.consumer = createConsumer({
      kafka: scenario.kafka,
      group: scenario.named('listener'),
      subscriptions: [
        {
          topic: scenario.named(topic),
          start: 'beginning',
          maxRecords: 500,
          decode: (bytes) => codec.decode(bytes),
          handle: (records) => {
            for (const { value } of records) this.records.push(value as BuildFinished);
            return Promise.resolve(records.map(() => done));
          },
        },
      ],
      logger: createLogger('listener', 'error'),
      clock,
      random: Math.random,
      onFatal: (error) => {
        throw error;
      },
    });
  }

  start(): Promise<void> {
    return this.consumer.start();
  }

  async stop(): Promise<void> {
    await this.consumer.stop(10_000);
  }

  /** How often each of the given builds was announced. */
  timesOf(buildIds: readonly number[]): number[] {
    const times = new Map<number, number>();
    for (const { buildId } of this.records) times.set(buildId, (times.get(buildId) ?? 0) + 1);
    return buildIds.map((id) => times.get(id) ?? 0);
  }

  /** Commits like an archiver that has finished every record of the topic. */
  async sayArchived(): Promise<void> {
    const ends = await this.scenario.topics.ends(this.scenario.named(topic));
    const partitions = ends.map(({ partition, highWatermark }) => ({
      partition,
      offset: String(highWatermark),
    }));
    const place = {
      groupId: this.scenario.named(archivingGroup),
      topic: this.scenario.named(topic),
    };
    await this.scenario.asOperator((admin) => admin.setOffsets({ ...place, partitions }));
  }
}
