/**
 * Imitates the fetching of kafkajs 2.2.4: a loop for each broker, all partitions of it at once; the first loop that
 * fails ends all of them, and waits for every running fetch.
 *
 * Positions are forgotten at each join, pauses and seeks are not. A partition without a seek begins at the committed
 * offset.
 */
import type { TopicPartition } from '../../../lib/kafka/client-port';
import type { Host } from '../host';
import { keyOf } from '../simulated-broker';
import type { LogRead } from '../simulated-log';
import type { FetchAnswerOf, FetchTopics, Message } from './answers';
import type { Cluster } from './cluster';

/** In the form that kafkajs passes to `eachBatch`. */
export interface KafkaBatch extends TopicPartition {
  readonly fetchedOffset: string;
  readonly highWatermark: string;
  readonly messages: readonly Message[];
  readonly read: LogRead;
  lastOffset(): string;
}

interface Fetching {
  readonly host: Host;
  readonly cluster: Cluster;
  readonly maxWaitMs: number;
  /** The group's offsets of partitions, from its coordinator. */
  committed(of: readonly TopicPartition[]): Promise<ReadonlyMap<string, number>>;
  /** Throws when the consumer should join again. */
  heartbeat(): Promise<void>;
  handle(batch: KafkaBatch): Promise<void>;
}

export class Fetchers {
  readonly paused = new Set<string>();
  readonly #context: Fetching;
  readonly #seeks = new Map<string, number>();
  readonly #processing = new Set<string>();
  #assigned: readonly TopicPartition[] = [];
  #positions = new Map<string, number>();
  #isRunning = false;
  #ended: Promise<void> = Promise.resolve();

  constructor(context: Fetching) {
    this.#context = context;
  }

  assign(partitions: readonly TopicPartition[]): void {
    this.#assigned = partitions;
    this.#positions = new Map();
  }

  seek(at: TopicPartition, offset: number): void {
    this.#seeks.set(keyOf(at), offset);
  }

  hasSeek(at: TopicPartition): boolean {
    return this.#seeks.has(keyOf(at));
  }

  resolve(at: TopicPartition, offset: number): void {
    this.#positions.set(keyOf(at), offset + 1);
  }

  /** Until one of them fails, or `stop`. @throws its error. */
  run(): Promise<void> {
    this.#isRunning = true;
    const running = this.#run();
    this.#ended = running.catch(() => undefined);
    return running;
  }

  /** Every fetch under way has come back. */
  stop(): Promise<void> {
    this.#isRunning = false;
    return this.#ended;
  }

  async #run(): Promise<void> {
    const { cluster } = this.#context;
    const nodes = cluster.getNodeIds();
    if (nodes.length === 0) throw new Error('No broker is known.');
    let failure: unknown = null;
    const { generation } = cluster;
    const isSame = (): boolean => cluster.generation === generation;
    await Promise.all(
      nodes.map(async (node) => {
        try {
          while (this.#isRunning && isSame()) await this.#round(Number(node));
        } catch (error) {
          failure ??= error;
        }
        this.#isRunning = false;
      }),
    );
    if (failure !== null) throw failure as Error;
  }

  async #round(node: number): Promise<void> {
    const batches = await this.#fetch(node);
    if (batches.length === 0) await this.#context.heartbeat();
    if (!this.#isRunning) return;
    const own = batches.filter((batch) => !this.#processing.has(keyOf(batch)));
    for (const batch of own) this.#processing.add(keyOf(batch));
    try {
      await Promise.all(own.map((batch) => this.#context.handle(batch)));
    } finally {
      for (const batch of own) this.#processing.delete(keyOf(batch));
    }
  }

  async #fetch(nodeId: number): Promise<KafkaBatch[]> {
    const { host, cluster, maxWaitMs } = this.#context;
    try {
      await cluster.refreshMetadataIfNecessary();
      const own = this.#assigned.filter((at) => cluster.leaderOf(keyOf(at)) === nodeId);
      await this.#settlePositions(own);
      const wanted = own.filter((at) => !this.paused.has(keyOf(at)));
      if (wanted.length === 0) {
        await host.sleep(maxWaitMs);
        return [];
      }
      const broker = await cluster.findBroker({ nodeId });
      const asked = this.#request(wanted);
      const answer = (await broker.fetch(asked)) as FetchAnswerOf;
      return this.#batches(asked, answer);
    } catch (error) {
      await this.#recover(error as Error);
      return [];
    }
  }

  #request(wanted: readonly TopicPartition[]): FetchTopics {
    const byTopic = Map.groupBy(wanted, ({ topic }) => topic);
    const topics = [...byTopic].map(([topic, own]) => ({
      topic,
      partitions: own.map((at) => ({
        partition: at.partition,
        fetchOffset: String(Math.max(0, this.#positions.get(keyOf(at)) ?? 0)),
        maxBytes: 1,
      })),
    }));
    return { topics, maxWaitTime: this.#context.maxWaitMs };
  }

  #batches({ topics }: FetchTopics, { responses }: FetchAnswerOf): KafkaBatch[] {
    return responses.flatMap(({ topicName: topic, partitions }) =>
      partitions.flatMap(({ partition, highWatermark, messages, read }) => {
        const at = { topic, partition };
        if (this.#seeks.has(keyOf(at)) || this.paused.has(keyOf(at))) return [];
        const fetchedOffset = topics
          .find((one) => one.topic === topic)
          ?.partitions.find((one) => one.partition === partition)?.fetchOffset;
        if (fetchedOffset === undefined) return [];
        const lastOffset = (): string => String(read.lastOffset);
        return [{ ...at, fetchedOffset, highWatermark, messages, read, lastOffset }];
      }),
    );
  }

  async #settlePositions(own: readonly TopicPartition[]): Promise<void> {
    for (const at of own) {
      const sought = this.#seeks.get(keyOf(at));
      if (sought === undefined) continue;
      this.#seeks.delete(keyOf(at));
      this.#positions.set(keyOf(at), sought);
    }
    const unknown = own.filter((at) => !this.#positions.has(keyOf(at)));
    if (unknown.length === 0) return;
    const committed = await this.#context.committed(unknown);
    for (const at of unknown) {
      // A seek meanwhile has priority.
      if (!this.#positions.has(keyOf(at))) {
        this.#positions.set(keyOf(at), Math.max(0, committed.get(keyOf(at)) ?? 0));
      }
    }
  }

  /** @throws errors that fresh metadata does not repair. */
  async #recover(error: Error): Promise<void> {
    if (error.name === 'KafkaJSBrokerNotFound') await this.#context.cluster.refreshMetadata();
    else if (error.name !== 'KafkaJSConnectionClosedError') throw error;
  }
}
