/** The real client of the port on a simulated kafkajs, with the observations that the checks need. */
import type { Kafka } from 'kafkajs';
import type {
  ClientListener,
  CommitEntry,
  MembershipTimes,
  Position,
  Tail,
  TopicPartition,
} from '../../../lib/kafka/client-port';
import type { KafkaJsClient } from '../../../lib/kafka/kafkajs/client';
import type { ConsumerSettings } from '../../../lib/runtime/settings';
import type { Logger } from '../../../lib/process/logger';
import type { Host } from '../host';
import type { Library } from '../library';
import type { ProcessClient } from '../process-client';
import type { SeededRandom } from '../random';
import { keyOf } from '../simulated-broker';
import type { Brokers } from './brokers';
import { Cluster } from './cluster';
import { SimulatedConsumer } from './consumer';
import type { ConsumerConfig } from './consumer-shapes';

interface ObservedOptions {
  readonly host: Host;
  readonly brokers: Brokers;
  readonly library: Library;
  readonly random: SeededRandom;
  readonly settings: ConsumerSettings;
  readonly topics: readonly { readonly topic: string; readonly everyMember: boolean }[];
  readonly fetchRecords: number;
  readonly logger: Logger;
}

export class ObservedClient implements ProcessClient {
  readonly #host: Host;
  readonly #brokers: Brokers;
  readonly #inner: KafkaJsClient;
  readonly #proofs = { lastSentAtMs: -Infinity };
  readonly #library: Library;
  #consumer: SimulatedConsumer | null = null;
  readonly knownPositions = new Map<string, Position>();
  memberId: string | null = null;
  refusedSinceMs = Infinity;
  onDrained: (startedAtMs: number) => void = () => undefined;
  #epoch = 0;
  #isMember = false;
  #isStopping = false;
  #troubledAtMs = -1;
  #sentAtMs = Infinity;
  #isFenced = false;

  constructor(options: ObservedOptions) {
    const { host, brokers, library, settings, topics, logger } = options;
    this.#host = host;
    this.#brokers = brokers;
    this.#library = library;
    const random = options.random.fork();
    this.#inner = new library.KafkaJsClient({
      kafka: this.#kafka(options),
      group: 'group',
      ...{ topics, settings, logger, clock: host },
      random: () => random.next(),
      monotonicMs: () => host.time.nowMs,
    });
  }

  get membership(): MembershipTimes {
    return this.#inner.membership;
  }

  get heardAtMs(): number {
    return this.#inner.heardAtMs;
  }

  get provedAtMs(): number {
    return this.#proofs.lastSentAtMs;
  }

  get isSettled(): boolean {
    const { memberSinceMs, joiningSinceMs } = this.#inner.membership;
    const isMember = memberSinceMs !== null && joiningSinceMs === null;
    return this.#isMember && !this.#isStopping && isMember;
  }

  mayBegin(): boolean {
    return this.#inner.mayBegin();
  }

  start(listener: ClientListener): Promise<void> {
    return this.#inner.start(this.#observed(listener));
  }

  pause(at: TopicPartition): void {
    this.#inner.pause(at);
  }

  resume(at: TopicPartition): void {
    this.#inner.resume(at);
  }

  seek(at: TopicPartition, offset: number): void {
    this.#inner.seek(at, offset);
  }

  async positions(of: readonly TopicPartition[]): Promise<readonly Position[]> {
    const positions = await this.#inner.positions(of);
    for (const position of positions) this.knownPositions.set(keyOf(position), position);
    return positions;
  }

  tails(of: readonly TopicPartition[]): Promise<readonly Tail[]> {
    return this.#inner.tails(of);
  }

  async commit(epoch: number, entries: readonly CommitEntry[]): Promise<boolean> {
    const { time } = this.#host;
    this.#sentAtMs = time.nowMs;
    try {
      const isCommitted = await this.#inner.commit(epoch, entries);
      if (isCommitted) this.refusedSinceMs = Infinity;
      const tookMs = time.nowMs - this.#sentAtMs;
      if (tookMs > 3 * this.#brokers.store.network.latencyMs) this.noteTrouble();
      return isCommitted;
    } catch (error) {
      this.noteTrouble();
      if (error instanceof this.#library.StaleCommitError) this.#isFenced = epoch === this.#epoch;
      else this.refusedSinceMs = Math.min(this.refusedSinceMs, time.nowMs);
      throw error;
    } finally {
      this.#sentAtMs = Infinity;
    }
  }

  stop(): Promise<void> {
    this.#isStopping = true;
    this.#isMember = false;
    return this.#inner.stop();
  }

  noteTrouble(): void {
    this.#troubledAtMs = this.#host.time.nowMs;
  }

  troubledSince(ms: number): boolean {
    return this.#isFenced || this.#troubledAtMs > ms || this.#sentAtMs !== Infinity;
  }

  crash(): void {
    this.#fail('the client has crashed', true);
  }

  failForGood(): void {
    this.#fail('the client has given up', false);
  }

  #fail(message: string, begins: boolean): void {
    if (!this.#isMember || this.#isStopping) return;
    this.noteTrouble();
    void this.#consumer?.crash(new Error(message), begins);
  }

  #kafka({ host, brokers, random, settings, fetchRecords }: ObservedOptions): Kafka {
    const { store } = brokers;
    const network = {
      plan: store.network,
      random: random.fork(),
      isQuiet: () => store.isQuiet,
      losesAnswers: () => brokers.losesAnswers,
    };
    const { rebalanceTimeoutMs } = settings;
    const cluster = new Cluster({
      ...{ host, brokers, network, fetchRecords, rebalanceTimeoutMs, proofs: this.#proofs },
      random: random.fork(),
    });
    const consumer = (config: ConsumerConfig): SimulatedConsumer =>
      (this.#consumer = new SimulatedConsumer(host, cluster, config));
    return { consumer } as unknown as Kafka;
  }

  #observed(listener: ClientListener): ClientListener {
    return {
      onJoined: (assignment) => {
        this.noteTrouble();
        this.#epoch = assignment.epoch;
        this.#isMember = true;
        this.#isFenced = false;
        this.memberId = assignment.memberId;
        listener.onJoined(assignment);
      },
      onBeforeRejoin: async () => {
        this.noteTrouble();
        const [startedAtMs, epoch] = [this.#host.time.nowMs, this.#epoch];
        await listener.onBeforeRejoin();
        const isStillIn = this.#isMember && !this.#isStopping && epoch === this.#epoch;
        if (isStillIn) this.onDrained(startedAtMs);
      },
      onProved: () => listener.onProved(),
      onLeft: () => {
        this.noteTrouble();
        this.#isMember = false;
        this.memberId = null;
        listener.onLeft();
      },
      onBatch: (batch, accept) => listener.onBatch(batch, accept),
      onFiltered: (at) => listener.onFiltered(at),
      onFatal: (error) => {
        this.#isMember = false;
        listener.onFatal(error);
      },
    };
  }
}
