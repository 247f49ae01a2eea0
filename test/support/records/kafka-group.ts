/** A topic and a group of their own on the shared broker, and consumers on it that remember what they did. */
import { PartitionAssigners, type Cluster, type Kafka } from 'kafkajs';
import { pino } from 'pino';
import type { InnerBroker } from '../../../lib/kafka/kafkajs/internals';
import { createKafka, metadataMaxAgeDefaultMs } from '../../../lib/kafka/kafkajs/create-kafka';
import type { Consumer } from '../../../lib/runtime/consumer';
import { createTopics } from '../../../lib/kafka/topics/create-topics';
import { createTopicAdmin, type TopicAdmin } from '../../../lib/kafka/topics/admin';
import { done, type Outcome } from '../../../lib/runtime/outcome';
import { createProducer, type RecordProducer } from '../../../lib/kafka/producer';
import { createConsumer } from '../../../lib/runtime/member/create-consumer';
import type { ConsumerSettings } from '../../../lib/runtime/settings';
import type { ConsumedRecord, Subscription } from '../../../lib/runtime/subscription';
import { systemClock } from '../../../lib/process/clock';
import { currentStack } from '../stack/stack';

export type NumberedRecord = ConsumedRecord<number>;

export interface GroupMember {
  readonly consumer: Consumer;
  readonly handled: NumberedRecord[];
  readonly fatal: Error[];
  readonly lines: Record<string, unknown>[];
}

export class KafkaGroup {
  readonly kafka: Kafka;
  readonly admin: TopicAdmin;
  readonly topic: string;
  readonly group: string;
  readonly #producer: RecordProducer;
  readonly #members: GroupMember[] = [];
  #produced = 0;

  constructor(
    name: string,
    readonly brokers = currentStack().addresses.kafkaBrokers,
    metadataMaxAgeMs = metadataMaxAgeDefaultMs,
  ) {
    const unique = `${name}-${process.pid}-${Date.now()}`;
    this.topic = `${unique}.things`;
    this.group = `${unique}.readers`;
    this.kafka = createKafka(
      { ...connectionsOf(brokers), KAFKA_METADATA_MAX_AGE_MS: metadataMaxAgeMs },
      'conformance',
      pino({ level: 'silent' }),
    );
    this.#producer = createProducer(this.kafka);
    this.admin = createTopicAdmin(this.kafka, { namespace: '' });
  }

  async create(partitions: number, settings: Record<string, string> = {}): Promise<void> {
    await Promise.all([this.#producer.connect(), this.admin.connect()]);
    await this.withRawAdmin((admin) =>
      createTopics(admin, [
        {
          topic: this.topic,
          numPartitions: partitions,
          configEntries: Object.entries(settings).map(([name, value]) => ({ name, value })),
        },
      ]),
    );
  }

  /** @param count the total afterwards. */
  async grow(count: number): Promise<void> {
    await this.withRawAdmin((admin) =>
      admin.createPartitions({ topicPartitions: [{ topic: this.topic, count }] }),
    );
  }

  async withRawAdmin<T>(work: (admin: ReturnType<Kafka['admin']>) => Promise<T>): Promise<T> {
    const admin = this.kafka.admin();
    await admin.connect();
    try {
      return await work(admin);
    } finally {
      await admin.disconnect();
    }
  }

  /** Values count up from 0 over the whole topic. @param keys how many different ones. */
  async produce(
    count: number,
    keys: number,
    partition?: number,
  ): Promise<readonly (number | null)[]> {
    const records = Array.from({ length: count }, () => {
      const value = this.#produced++;
      const place = partition === undefined ? {} : { partition };
      return {
        topic: this.topic,
        key: `key-${value % keys}`,
        value: Buffer.from(`${value}`),
        ...place,
      };
    });
    return this.#producer.send(records);
  }

  member(
    handle: (record: NumberedRecord) => Outcome | Promise<Outcome> = () => done,
    over: Partial<Subscription<number>> = {},
    settings: Partial<ConsumerSettings> = {},
  ): GroupMember {
    const handled: NumberedRecord[] = [];
    const fatal: Error[] = [];
    const lines: Record<string, unknown>[] = [];
    const write = (line: string): void => void lines.push(JSON.parse(line) as (typeof lines)[0]);
    const subscription: Subscription<number> = {
      topic: this.topic,
      start: 'committed',
      maxRecords: 10,
      decode: (value) => Number(value?.toString()),
      handle: async (records) => {
        const outcomes = await Promise.all(records.map(async (record) => handle(record)));
        handled.push(...records.filter((_, index) => outcomes[index]?.kind === 'done'));
        return outcomes;
      },
      ...over,
    };
    const consumer = createConsumer({
      kafka: this.kafka,
      group: this.group,
      subscriptions: [subscription],
      settings: { sessionTimeoutMs: 6_000, heartbeatEveryMs: 500, ...settings },
      logger: pino({ level: 'info' }, { write }),
      clock: systemClock,
      random: Math.random,
      onFatal: (error) => fatal.push(error),
    });
    const member = { consumer, handled, fatal, lines };
    this.#members.push(member);
    return member;
  }

  async committed(partition = 0): Promise<{ offset: number; metadata: string }> {
    const offsets = await this.admin.committed(this.group, this.topic);
    const found = offsets.find((one) => one.partition === partition);
    return { offset: found?.offset ?? -1, metadata: found?.metadata ?? '' };
  }

  /** Sets the committed offsets of a group without members. */
  async setCommitted(offset: number, partition = 0): Promise<void> {
    await this.withRawAdmin((admin) =>
      admin.setOffsets({
        groupId: this.group,
        topic: this.topic,
        partitions: [{ partition, offset: String(offset) }],
      }),
    );
  }

  /** Takes a member out of the group, which does not learn of it: as the group does with one that was frozen. */
  async expel(memberId: string): Promise<void> {
    let cluster: Cluster | undefined;
    const groupId = this.group;
    // Makes a consumer that never joins: it is how kafkajs hands out what knows the group's coordinator.
    const consumer = this.kafka.consumer({
      groupId,
      partitionAssigners: [
        (inside) => {
          ({ cluster } = inside);
          return PartitionAssigners.roundRobin(inside);
        },
      ],
    });
    await consumer.connect();
    try {
      const coordinator = (await cluster?.findGroupCoordinator({ groupId })) as
        InnerBroker | undefined;
      await coordinator?.leaveGroup({ groupId, memberId });
    } finally {
      await consumer.disconnect();
    }
  }

  async end(): Promise<void> {
    await Promise.all(this.#members.map(({ consumer }) => consumer.stop(10_000)));
    await Promise.all([this.#producer.disconnect(), this.admin.disconnect()]);
  }
}

const connectionsOf = (brokers: string) => ({
  KAFKA_BROKERS: brokers.split(','),
  KAFKA_TLS_CA_FILE: undefined,
  KAFKA_SASL_MECHANISM: undefined,
  KAFKA_SASL_USERNAME: undefined,
  KAFKA_SASL_PASSWORD_FILE: undefined,
});
