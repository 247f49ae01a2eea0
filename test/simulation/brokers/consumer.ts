/**
 * The consumer of kafkajs 2.2.4 with its habits around a group, as far as they matter to our hooks:
 *
 * - It looks for the coordinator only at a join.
 * - A join that fails for any reason but a rebalance is not repeated: it goes on fetching with its old assignment and
 *   membership, without an event.
 * - It sends a heartbeat between fetches only, and joins again by the error of that call.
 * - After an error that it does not know it leaves, emits an event, and begins anew under another name.
 */
import { AssignerProtocol, type Assigner } from 'kafkajs';
import type { TopicPartition } from '../../../lib/kafka/client-port';
import type { Host } from '../host';
import { keyOf } from '../simulated-broker';
import type { SyncRequest, TopicOf } from './answers';
import type { Cluster } from './cluster';
import { flat, type ConsumerConfig, type Coordinator, type Offsets } from './consumer-shapes';
import { Fetchers, type KafkaBatch } from './fetching';

type EachBatch = (payload: object) => Promise<void>;
type Payload = Record<string, unknown>;

const retryMs = 100;
const crashRestMs = 300;
const events = {
  GROUP_JOIN: 'consumer.group_join',
  CRASH: 'consumer.crash',
  END_BATCH_PROCESS: 'consumer.end_batch_process',
} as const;

const typeOf = (error: unknown): string => (error as { type?: string }).type ?? '';
const isOfRebalance = (error: unknown): boolean =>
  ['REBALANCE_IN_PROGRESS', 'NOT_COORDINATOR_FOR_GROUP', 'ILLEGAL_GENERATION'].includes(
    typeOf(error),
  );

export class SimulatedConsumer {
  readonly events = events;
  readonly #host: Host;
  readonly #cluster: Cluster;
  readonly #config: ConsumerConfig;
  readonly #assigner: Assigner;
  readonly #listeners = new Map<string, (event: { payload: Payload }) => void>();
  #topics: readonly string[] = [];
  #eachBatch: EachBatch = () => Promise.resolve();
  #fetchers: Fetchers;
  #coordinator: Coordinator | null = null;
  #memberId = '';
  #generation = -1;
  /** Of the last assignment: commits belong to it until the next one. */
  #committing = { memberId: '', groupGenerationId: -1 };
  #isRunning = false;
  #isOver = false;
  #askedAtMs = 0;
  #loop: Promise<void> = Promise.resolve();

  constructor(host: Host, cluster: Cluster, config: ConsumerConfig) {
    this.#host = host;
    this.#cluster = cluster;
    this.#config = config;
    this.#fetchers = this.#createFetchers();
    const [create] = config.partitionAssigners;
    if (!create) throw new Error('A consumer needs an assigner.');
    this.#assigner = create({ cluster });
  }

  on(event: string, listener: (event: { payload: Payload }) => void): void {
    this.#listeners.set(event, listener);
  }

  connect(): Promise<void> {
    return this.#cluster.connect(() => this.#isOver);
  }

  subscribe({ topics }: { readonly topics: readonly string[] }): Promise<void> {
    this.#topics = topics;
    return Promise.resolve();
  }

  async run({ eachBatch }: { readonly eachBatch: EachBatch }): Promise<void> {
    this.#eachBatch = eachBatch;
    await this.#start();
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#leave();
  }

  disconnect(): Promise<void> {
    return this.#cluster.disconnect();
  }

  pause(of: readonly TopicOf<number>[]): void {
    for (const at of flat(of)) this.#fetchers.paused.add(keyOf(at));
  }

  resume(of: readonly TopicOf<number>[]): void {
    for (const at of flat(of)) this.#fetchers.paused.delete(keyOf(at));
  }

  seek({ offset, ...at }: TopicPartition & { readonly offset: string }): void {
    this.#fetchers.seek(at, Number(offset));
  }

  /** @param begins whether it begins anew by itself. */
  async crash(error: Error, begins: boolean): Promise<void> {
    if (!this.#isRunning && this.#memberId === '') return;
    await this.#leave();
    await this.#cluster.disconnect();
    this.#emit(events.CRASH, { error, restart: begins });
    if (begins && !this.#isOver) this.#host.after(crashRestMs, () => void this.#start());
  }

  async #start(): Promise<void> {
    if (this.#isOver) return;
    this.#fetchers = this.#createFetchers();
    this.#memberId = '';
    try {
      await this.#cluster.connect(() => this.#isOver);
      await this.#joinAndSync();
    } catch (error) {
      if (this.#hasEnded()) return;
      const begins = (error as { retriable?: boolean }).retriable !== false;
      this.#emit(events.CRASH, { error, restart: begins });
      if (begins) this.#host.after(crashRestMs, () => void this.#start());
      return;
    }
    if (this.#hasEnded()) return;
    this.#isRunning = true;
    this.#loop = this.#run();
  }

  async #run(): Promise<void> {
    while (this.#isRunning) {
      try {
        await this.#fetchAndRejoin();
      } catch (error) {
        if (this.#hasStopped()) return;
        if ((error as { retriable?: boolean }).retriable === false) {
          this.#isRunning = false;
          void this.crash(error as Error, false);
          return;
        }
        // With its old assignment.
        await this.#host.sleep(retryMs);
      }
    }
  }

  /** Checked again: it may have been stopped during an await. */
  #hasEnded(): boolean {
    return this.#isOver;
  }

  #hasStopped(): boolean {
    return !this.#isRunning;
  }

  async #fetchAndRejoin(): Promise<void> {
    try {
      await this.#fetchers.run();
    } catch (error) {
      if (!this.#isRunning) return;
      if (typeOf(error) === 'UNKNOWN_MEMBER_ID') this.#memberId = '';
      else if (!isOfRebalance(error)) throw error;
      await this.#joinAndSync();
    }
  }

  async #leave(): Promise<void> {
    const wasRunning = this.#isRunning;
    this.#isRunning = false;
    await this.#fetchers.stop();
    await this.#loop;
    const memberId = this.#memberId;
    this.#memberId = '';
    if (wasRunning && memberId !== '') {
      await this.#coordinator?.leaveGroup({ memberId }).catch(() => undefined);
    }
  }

  /** @throws any error but a rebalance; the assignment stays unchanged. */
  async #joinAndSync(): Promise<void> {
    for (;;) {
      try {
        await this.#tryToJoin();
        return;
      } catch (error) {
        if (typeOf(error) === 'UNKNOWN_MEMBER_ID') this.#memberId = '';
        else if (!isOfRebalance(error)) throw error;
      }
      await this.#host.sleep(retryMs);
    }
  }

  async #tryToJoin(): Promise<void> {
    const { groupId } = this.#config;
    const cluster = this.#cluster as unknown as {
      findGroupCoordinator(of: { groupId: string }): Promise<Coordinator>;
    };
    const coordinator = await cluster.findGroupCoordinator({ groupId });
    this.#coordinator = coordinator;
    const topics = [...this.#topics];
    const joined = await coordinator.joinGroup({
      memberId: this.#memberId,
      groupProtocols: [this.#assigner.protocol({ topics })],
    });
    this.#memberId = joined.memberId;
    this.#generation = joined.generationId;
    let groupAssignment: SyncRequest['groupAssignment'] = [];
    if (joined.leaderId === joined.memberId) {
      await this.#cluster.refreshMetadata();
      groupAssignment = await this.#assigner.assign({ members: [...joined.members], topics });
    }
    const { memberId, generationId } = joined;
    const synced = await coordinator.syncGroup({ memberId, generationId, groupAssignment });
    const decoded = AssignerProtocol.MemberAssignment.decode(synced.memberAssignment);
    const memberAssignment = decoded?.assignment ?? {};
    this.#committing = { memberId, groupGenerationId: generationId };
    this.#fetchers.assign(
      Object.entries(memberAssignment).flatMap(([topic, numbers]) =>
        numbers.map((partition) => ({ topic, partition })),
      ),
    );
    this.#emit(events.GROUP_JOIN, { groupId, memberId, memberAssignment });
  }

  async #heartbeat(): Promise<void> {
    const { groupId, heartbeatInterval } = this.#config;
    const { nowMs } = this.#host.time;
    if (this.#memberId === '' || nowMs < this.#askedAtMs + heartbeatInterval) return;
    const of = { groupId, memberId: this.#memberId, groupGenerationId: this.#generation };
    await this.#coordinator?.heartbeat(of);
    this.#askedAtMs = this.#host.time.nowMs;
  }

  async #handle(batch: KafkaBatch): Promise<void> {
    if (!this.#isRunning) return;
    const { topic, partition, messages, read } = batch;
    if (messages.length === 0) {
      this.#fetchers.resolve(batch, read.lastOffset);
      const firstOffset = read.firstOffset === null ? null : String(read.firstOffset);
      const lastOffset = batch.lastOffset();
      const payload = { topic, partition, batchSize: 0, firstOffset, lastOffset };
      this.#emit(events.END_BATCH_PROCESS, payload);
    } else {
      const last = messages.at(-1)?.offset;
      await this.#eachBatch({
        batch,
        resolveOffset: (offset: string) =>
          this.#fetchers.resolve(batch, offset === last ? read.lastOffset : Number(offset)),
        commitOffsetsIfNecessary: (offsets: Offsets) => this.#commit(offsets),
      });
    }
    await this.#heartbeat();
  }

  async #commit({ topics }: Offsets): Promise<void> {
    const { groupId } = this.#config;
    await this.#coordinator?.offsetCommit({ groupId, ...this.#committing, topics });
  }

  async #committed(of: readonly TopicPartition[]): Promise<ReadonlyMap<string, number>> {
    const topics = [...Map.groupBy(of, ({ topic }) => topic)].map(([topic, own]) => ({
      topic,
      partitions: own.map(({ partition }) => ({ partition })),
    }));
    const answer = await this.#coordinator?.offsetFetch({ groupId: this.#config.groupId, topics });
    return new Map(
      (answer?.responses ?? []).flatMap(({ topic, partitions }) =>
        partitions.map((one) => [keyOf({ topic, ...one }), Number(one.offset)] as const),
      ),
    );
  }

  #createFetchers(): Fetchers {
    return new Fetchers({
      host: this.#host,
      cluster: this.#cluster,
      maxWaitMs: this.#config.maxWaitTimeInMs,
      committed: (of) => this.#committed(of),
      heartbeat: () => this.#heartbeat(),
      handle: (batch) => this.#handle(batch),
    });
  }

  #emit(event: string, payload: Payload): void {
    this.#listeners.get(event)?.({ payload });
  }
}
