/** The three brokers of a secure stack: coordinators, leaders, and faults of one broker. */
import {
  ConfigResourceTypes,
  ConfigSource,
  type Admin,
  type ITopicMetadata,
  type Kafka,
} from 'kafkajs';
import { nodeId } from '../../../ops/local/stack/broker-properties';
import { localKafka } from '../../../ops/local/stack/kafka-access';
import type { ServerHandle } from '../../../ops/local/stack/running-stack';
import { brokersOf, type BrokerName, type Place } from '../../../ops/local/stack/server';
import { electLeaders } from './elect-leaders';
import type { Scenario } from '../scenario/scenario';
import { placeOf } from './stack';
import { until } from '../until';

/** Where groups keep their committed offsets. */
export const offsetsTopic = '__consumer_offsets';

/** Where a setting comes from, by Kafka's number: the topic itself. */
const ofTopic = ConfigSource.TOPIC_CONFIG;

/** The partition of the offsets topic that a group belongs to: by Java's hash of its name. */
function offsetsPartitionOf(group: string, partitions: number): number {
  let hash = 0;
  for (let at = 0; at < group.length; at += 1) hash = (31 * hash + group.charCodeAt(at)) | 0;
  return (hash === -(2 ** 31) ? 0 : Math.abs(hash)) % partitions;
}

/** One of the three. */
interface OneBroker {
  readonly node: number;
  readonly server: ServerHandle;
}

/** The coordinator of a group. */
export interface Coordinated {
  /** Of the offsets topic. */
  readonly partition: number;
  readonly now: OneBroker;
  readonly preferred: OneBroker;
}

export class ThreeBrokers {
  readonly all: readonly OneBroker[];
  readonly #place: Place;
  readonly #frozen = new Set<number>();

  constructor({ stack }: Scenario) {
    this.#place = placeOf(stack);
    this.all = brokersOf(this.#place).map((name) => ({
      node: nodeId(name),
      server: stack.servers[name]!,
    }));
  }

  broker(node: number): OneBroker {
    const found = this.all.find((one) => one.node === node);
    if (!found) throw new Error(`no broker has the id ${node}`);
    return found;
  }

  others({ node }: OneBroker): readonly OneBroker[] {
    return this.all.filter((one) => one.node !== node);
  }

  async freeze({ node, server }: OneBroker): Promise<void> {
    this.#frozen.add(node);
    await server.kill('SIGSTOP');
  }

  async thaw({ node, server }: OneBroker): Promise<void> {
    await server.kill('SIGCONT');
    this.#frozen.delete(node);
  }

  /** The group's coordinator, or its preferred one. */
  async coordinatorOf(group: string): Promise<Coordinated> {
    const { partitions } = await this.#topic(offsetsTopic);
    const at = offsetsPartitionOf(group, partitions.length);
    const found = partitions.find(({ partitionId }) => partitionId === at)!;
    const [now, preferred] = [this.broker(found.leader), this.broker(found.replicas[0]!)];
    return { partition: at, now, preferred };
  }

  /** The leader of most partitions of the topic, except for those that are left out. */
  async mainLeaderOf(topic: string, but: readonly OneBroker[] = []): Promise<OneBroker> {
    const { partitions } = await this.#topic(topic);
    const leads = ({ node }: OneBroker): number =>
      partitions.filter(({ leader }) => leader === node).length;
    const candidates = this.all.filter(({ node }) => !but.some((one) => one.node === node));
    return candidates.reduce((most, one) => (leads(one) > leads(most) ? one : most));
  }

  /** Waits until every partition has a leader and all of its replicas in sync. */
  async untilInSync(deadlineMs = 120_000): Promise<void> {
    await until(
      'every partition has its replicas in sync',
      async () => {
        const { topics } = await this.ask((admin) => admin.fetchTopicMetadata());
        const behind = topics.flatMap(({ name, partitions }) =>
          partitions
            .filter(({ leader, isr, replicas }) => leader < 0 || isr.length < replicas.length)
            .map(({ partitionId }) => `${name}/${partitionId}`),
        );
        if (behind.length === 0) return true;
        throw new Error(`${behind.length} partitions are behind, first ${behind[0] ?? ''}`);
      },
      deadlineMs,
    );
  }

  /**
   * So many replicas must have a record that "all of them" have acknowledged. @returns a function that restores the
   * setting.
   */
  async setMinInSync(topic: string, count: number): Promise<() => Promise<void>> {
    const resource = { type: ConfigResourceTypes.TOPIC, name: topic };
    const { resources } = await this.ask((admin) =>
      admin.describeConfigs({ includeSynonyms: false, resources: [resource] }),
    );
    const own = resources[0]!.configEntries.filter(({ configSource }) => configSource === ofTopic);
    const before = own.map(({ configName, configValue }) => ({
      name: configName,
      value: configValue,
    }));
    const minimum = { name: 'min.insync.replicas', value: String(count) };
    // A setting without a value is set to its default.
    const set = (configEntries: typeof before): Promise<void> =>
      this.ask(async (admin) => {
        const wanted = { ...resource, configEntries };
        await admin.alterConfigs({ validateOnly: false, resources: [wanted] });
      });
    await set([...before.filter(({ name }) => name !== minimum.name), minimum]);
    return () => set(before);
  }

  /** Moves partitions back to their preferred leaders. @param which by default all of the topic. */
  async electPreferred(topic: string, which?: readonly number[]): Promise<void> {
    const { partitions } = await this.#topic(topic);
    const numbers = which ?? partitions.map(({ partitionId }) => partitionId);
    await electLeaders(this.#kafka(), [{ topic, partitions: numbers }]);
  }

  /** The same, for all topics. */
  async electAllPreferred(): Promise<void> {
    const { topics } = await this.ask((admin) => admin.fetchTopicMetadata());
    await electLeaders(
      this.#kafka(),
      topics.map(({ name, partitions }) => ({
        topic: name,
        partitions: partitions.map(({ partitionId }) => partitionId),
      })),
    );
  }

  /** Asks as the super user, among the brokers that can answer. */
  async ask<T>(work: (admin: Admin) => Promise<T>): Promise<T> {
    const admin = this.#kafka().admin();
    await admin.connect();
    try {
      return await work(admin);
    } finally {
      await admin.disconnect();
    }
  }

  #kafka(): Kafka {
    return localKafka(this.#place, {
      brokers: this.#addresses(),
      retries: 5,
      requestMs: 5_000,
    });
  }

  async #topic(name: string): Promise<ITopicMetadata> {
    const { topics } = await this.ask((admin) => admin.fetchTopicMetadata({ topics: [name] }));
    return topics[0]!;
  }

  /** Of those that run: a frozen one would not answer. */
  #addresses(): string {
    const able = this.all.filter(
      ({ node, server }) => !this.#frozen.has(node) && server.pid() !== undefined,
    );
    return able
      .map(({ server }) => `127.0.0.1:${this.#place.ports[server.name as BrokerName]}`)
      .join(',');
  }
}
