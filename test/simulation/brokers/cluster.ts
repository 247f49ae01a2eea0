/** Imitates kafkajs' cluster object: the known brokers, the leaders, and connections made when needed. */
import { KafkaJSConnectionError } from 'kafkajs';
import type { Host } from '../host';
import type { SeededRandom } from '../random';
import { keyOf } from '../simulated-broker';
import { Answers, type Metadata, type TopicOf } from './answers';
import { nodeIds, type Brokers } from './brokers';
import { Connection, type Network } from './connection';
import { Handle, type Proofs } from './handle';
import { ProtocolError } from './protocol-error';

interface ClusterOptions {
  readonly host: Host;
  readonly brokers: Brokers;
  readonly network: Network;
  readonly random: SeededRandom;
  readonly fetchRecords: number;
  readonly rebalanceTimeoutMs: number;
  readonly proofs: Proofs;
}

type Asked = TopicOf<{ partition: number }> & { fromTimestamp: number };
type Ends = TopicOf<{ partition: number; offset: string }>;

const metadataMaxAgeMs = 5_000;
const connectAgainMs = 200;

class UnknownBrokerError extends Error {
  override readonly name = 'KafkaJSBrokerNotFound';
  readonly retriable = true;
}

export class Cluster {
  readonly brokerPool: {
    brokers: Partial<Record<string, Handle>>;
    findConnectedBroker: () => Promise<Handle>;
  } = { brokers: {}, findConnectedBroker: () => this.#anyConnected() };
  readonly connectionPoolBuilder = {
    build: (to: number): Promise<{ pool: readonly Connection[] }> => {
      const { host, brokers, network } = this.#options;
      const pool = [0, 1].map(() => new Connection(host, brokers.node(to), network));
      return Promise.resolve({ pool });
    },
  };
  /** Grows when the set of known brokers changes. */
  generation = 0;
  readonly #options: ClusterOptions;
  #metadata: Metadata | null = null;
  #expiresAtMs = 0;

  constructor(options: ClusterOptions) {
    this.#options = options;
  }

  /** Tries the addresses that are configured until one answers. */
  async connect(isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      try {
        await this.refreshMetadata();
        return;
      } catch {
        await this.#options.host.sleep(connectAgainMs);
      }
    }
  }

  async disconnect(): Promise<void> {
    const { brokerPool } = this;
    await Promise.all(this.#known.map((one) => one.disconnect()));
    brokerPool.brokers = {};
    this.#metadata = null;
  }

  getNodeIds(): string[] {
    return Object.keys(this.brokerPool.brokers);
  }

  findBroker = async ({ nodeId }: { nodeId: number | string }): Promise<Handle> => {
    const found = this.brokerPool.brokers[nodeId];
    try {
      if (!found) throw new UnknownBrokerError(`Broker ${nodeId} not found`);
      await found.connect();
      return found;
    } catch (error) {
      await this.refreshMetadata();
      throw error;
    }
  };

  refreshMetadata = async (): Promise<void> => {
    const broker = await this.brokerPool.findConnectedBroker();
    const metadata = (await broker.metadata()) as Metadata;
    const known = this.brokerPool.brokers;
    const brokers: Partial<Record<string, Handle>> = {};
    for (const id of metadata.nodes) brokers[id] = known[id] ?? (await this.#handle(id));
    for (const handle of this.#known) {
      if (!brokers[handle.nodeId]) void handle.disconnect();
    }
    if (String(Object.keys(brokers)) !== String(Object.keys(known))) this.generation += 1;
    this.brokerPool.brokers = brokers;
    this.#metadata = metadata;
    this.#expiresAtMs = this.#options.host.time.nowMs + metadataMaxAgeMs;
  };

  async refreshMetadataIfNecessary(): Promise<void> {
    if (this.#metadata && this.#options.host.time.nowMs < this.#expiresAtMs) return;
    await this.refreshMetadata();
  }

  findTopicPartitionMetadata(topic: string): { partitionId: number; leader: number }[] {
    if (!this.#metadata) throw new Error('Topic metadata not loaded');
    const { leaders } = this.#metadata;
    return [...this.#options.brokers.store.logs.values()]
      .filter(({ at }) => at.topic === topic)
      .map(({ at }) => ({ partitionId: at.partition, leader: leaders.get(keyOf(at)) ?? 1 }));
  }

  /** Null before the metadata has come. */
  leaderOf(key: string): number | null {
    return this.#metadata?.leaders.get(key) ?? null;
  }

  findLeaderForPartitions(
    topic: string,
    partitions: readonly number[],
  ): Partial<Record<string, number[]>> {
    const byLeader: Partial<Record<string, number[]>> = {};
    for (const partition of partitions) {
      const leader = this.leaderOf(keyOf({ topic, partition }));
      if (leader !== null) (byLeader[leader] ??= []).push(partition);
    }
    return byLeader;
  }

  async fetchTopicsOffset(topics: readonly Asked[]): Promise<Ends[]> {
    const byLeader = new Map<number, TopicOf<{ partition: number; timestamp: number }>[]>();
    for (const { topic, partitions, fromTimestamp: timestamp } of topics) {
      for (const { partition } of partitions) {
        const leader = this.leaderOf(keyOf({ topic, partition }));
        if (leader === null) throw new ProtocolError('LEADER_NOT_AVAILABLE');
        const asked = byLeader.get(leader) ?? [];
        byLeader.set(leader, [...asked, { topic, partitions: [{ partition, timestamp }] }]);
      }
    }
    const answers = await Promise.all(
      [...byLeader].map(async ([nodeId, own]) => {
        const broker = await this.findBroker({ nodeId });
        return (await broker.listOffsets({ topics: own })) as { responses: Ends[] };
      }),
    );
    const grouped = Map.groupBy(
      answers.flatMap(({ responses }) => responses),
      ({ topic }) => topic,
    );
    return [...grouped].map(([topic, own]) => ({
      topic,
      partitions: own.flatMap(({ partitions }) => partitions),
    }));
  }

  get #known(): Handle[] {
    return Object.values(this.brokerPool.brokers).flatMap((one) => one ?? []);
  }

  async #handle(nodeId: number): Promise<Handle> {
    const { brokers, fetchRecords, rebalanceTimeoutMs, proofs, host } = this.#options;
    const { pool } = await this.connectionPoolBuilder.build(nodeId);
    const answers = new Answers(brokers, brokers.node(nodeId), fetchRecords);
    const nowMs = (): number => host.time.nowMs;
    return new Handle({ nodeId, pool, answers, rebalanceTimeoutMs, nowMs, proofs });
  }

  async #anyConnected(): Promise<Handle> {
    const connected = this.#known.filter((one) => one.isConnected());
    if (connected.length > 0) return this.#options.random.pick(connected);
    const from = this.#options.random.int(0, nodeIds.length - 1);
    for (let step = 0; step < nodeIds.length; step += 1) {
      const id = nodeIds[(from + step) % nodeIds.length] ?? 1;
      const handle = this.brokerPool.brokers[id] ?? (await this.#handle(id));
      const isConnected = await handle.connect().then(
        () => true,
        () => false,
      );
      if (isConnected) return handle;
    }
    throw new KafkaJSConnectionError('No broker can be reached', { code: 'ECONNREFUSED' });
  }
}
