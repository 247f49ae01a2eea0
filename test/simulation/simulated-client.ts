/**
 * The client port on the simulated broker, with the measured habits of kafkajs.
 *
 * Fetched data of a paused partition is thrown away, except for batches on their way to the listener; a position
 * without a seek begins at the committed offset; pauses outlive a rejoin but not a crash of the client; batches of an
 * older assignment may still arrive, and accepting them moves positions.
 */
import type {
  ClientListener,
  CommitEntry,
  MembershipTimes,
  Position,
  Tail,
  TopicPartition,
} from '../../lib/kafka/client-port';
import type { ClientContext } from './client-context';
import { FetchLoop } from './fetch-loop';
import { Membership } from './membership';
import type { ProcessClient } from './process-client';
import { keyOf } from './simulated-broker';
import { GroupError } from './simulated-group';

export class SimulatedClient implements ProcessClient {
  readonly #context: ClientContext;
  readonly #membership: Membership;
  readonly #fetching: FetchLoop;
  #listener: ClientListener | null = null;
  #epoch = 0;
  #isMember = false;
  #stopping = false;
  /** The commit function comes with the first batch. */
  #canCommit = false;
  /** When commits were prevented last, and since when one is under way. */
  #troubledAtMs = -1;
  #sentAtMs = Infinity;
  /** The group has refused a commit: none can follow before the next join. */
  #isFenced = false;
  readonly knownPositions = new Map<string, Position>();
  onDrained: (startedAtMs: number) => void = () => undefined;

  constructor(context: ClientContext) {
    this.#context = context;
    this.#fetching = new FetchLoop(
      context,
      () => this.#listener,
      () => (this.#canCommit = true),
    );
    this.#membership = new Membership(context, {
      beforeJoin: () => this.#beforeJoin(),
      onJoined: (memberId, partitions) => this.#onJoined(memberId, partitions),
      onRejoining: () => this.#fetching.end(),
    });
  }

  get membership(): MembershipTimes {
    return this.#membership.times;
  }

  mayBegin(): boolean {
    return true;
  }

  /** It has no lease to check: the clients of the single broker are the older half of the simulation. */
  get provedAtMs(): number {
    return Infinity;
  }

  get refusedSinceMs(): number {
    return Infinity;
  }

  get heardAtMs(): number {
    return this.#membership.heardAtMs;
  }

  get isSettled(): boolean {
    return this.#isMember && !this.#stopping && this.#membership.isSettled;
  }

  /** Whether a crash or a stop came meanwhile. */
  #isStillIn(epoch: number): boolean {
    return this.#isMember && !this.#stopping && epoch === this.#epoch;
  }

  get memberId(): string | null {
    return this.#membership.memberId;
  }

  start(listener: ClientListener): Promise<void> {
    this.#listener = listener;
    return this.#membership.start();
  }

  pause(at: TopicPartition): void {
    this.#fetching.paused.add(keyOf(at));
  }

  resume(at: TopicPartition): void {
    this.#fetching.paused.delete(keyOf(at));
  }

  seek(at: TopicPartition, offset: number): void {
    if (this.#isMember) this.#fetching.seek(at, offset);
  }

  async positions(of: readonly TopicPartition[]): Promise<readonly Position[]> {
    const { broker, host } = this.#context;
    const [committed, ends] = await Promise.all([
      broker.call(host, () => of.map((at) => broker.committed.get(keyOf(at)))),
      broker.call(host, () => of.map((at) => broker.log(at)).map(({ start, end }) => [start, end])),
    ]);
    const positions = of.map((at, index) => ({
      ...at,
      committed: committed[index]?.offset ?? -1,
      metadata: committed[index]?.metadata ?? '',
      logStart: ends[index]?.[0] ?? 0,
      highWatermark: ends[index]?.[1] ?? 0,
    }));
    for (const position of positions) this.knownPositions.set(keyOf(position), position);
    return positions;
  }

  async tails(of: readonly TopicPartition[]): Promise<readonly Tail[]> {
    const { broker, host } = this.#context;
    const committed = await broker.call(host, () =>
      of.map((at) => broker.committed.get(keyOf(at))),
    );
    const ends = await broker.call(host, () => of.map((at) => broker.log(at).end));
    return of.map((at, index) => ({
      ...at,
      committed: committed[index]?.offset ?? -1,
      metadata: committed[index]?.metadata ?? '',
      logEnd: ends[index] ?? null,
    }));
  }

  async commit(epoch: number, entries: readonly CommitEntry[]): Promise<boolean> {
    const { broker, group, host, library } = this.#context;
    // A turn of its own, as in the adapter.
    await host.sleep(0);
    if (epoch !== this.#epoch || !this.#isMember) {
      this.noteTrouble();
      throw new library.StaleCommitError('The assignment is over.');
    }
    if (!this.#canCommit) return false;
    const { memberId, generation } = this.#membership;
    this.#sentAtMs = host.time.nowMs;
    try {
      await broker.call(host, () => group.commit(memberId ?? '', generation, entries));
      if (host.time.nowMs - this.#sentAtMs > 3 * broker.network.latencyMs) this.noteTrouble();
      for (const entry of entries) this.#fetching.noteCommitted(entry);
      return true;
    } catch (error) {
      this.noteTrouble();
      if (!(error instanceof GroupError)) throw error;
      this.#isFenced = epoch === this.#epoch;
      throw new library.StaleCommitError(error.message);
    } finally {
      this.#sentAtMs = Infinity;
    }
  }

  noteTrouble(): void {
    this.#troubledAtMs = this.#context.host.time.nowMs;
  }

  troubledSince(ms: number): boolean {
    return this.#isFenced || this.#troubledAtMs > ms || this.#sentAtMs !== Infinity;
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    this.#isMember = false;
    this.#fetching.end();
    await this.#membership.leave();
  }

  crash(): void {
    if (!this.#isMember || this.#stopping) return;
    this.#isMember = false;
    this.#canCommit = false;
    this.noteTrouble();
    this.#fetching.crash();
    this.#listener?.onLeft();
    this.#membership.beginAnew();
  }

  failForGood(): void {
    if (!this.#isMember || this.#stopping) return;
    this.#isMember = false;
    this.#canCommit = false;
    this.#fetching.crash();
    this.#listener?.onFatal(new Error('the client has given up'));
  }

  async #beforeJoin(): Promise<void> {
    this.noteTrouble();
    if (!this.#isMember || this.#stopping || !this.#listener) return;
    const startedAtMs = this.#context.host.time.nowMs;
    const epoch = this.#epoch;
    await this.#listener.onBeforeRejoin();
    if (this.#isStillIn(epoch)) this.onDrained(startedAtMs);
  }

  #onJoined(memberId: string, partitions: readonly TopicPartition[]): void {
    if (this.#stopping) return;
    this.noteTrouble();
    this.#epoch += 1;
    this.#isMember = true;
    this.#isFenced = false;
    this.#fetching.begin(partitions);
    this.#listener?.onJoined({ epoch: this.#epoch, memberId, partitions });
  }
}
