/**
 * The consumer runtime of docs/architecture.md, on any client that keeps the promises of the port.
 *
 * At a join everything is decided synchronously: lost partitions end, kept ones go on where intake stood, new ones stay
 * paused until their position is known. Before a rejoin and before a stop running micro-batches are finished and
 * committed, so that the next holder repeats nothing.
 */
import { within } from '../../process/within';
import type { Assignment, ClientListener, FetchedBatch } from '../../kafka/client-port';
import type { TopicPartition } from '../../kafka/client-port';
import { Committer } from '../partitions/committer';
import type { ConsumerState, StopReport, Steering } from '../consumer';
import { GroupLog } from './group-log';
import { Intake } from '../partitions/intake';
import { Leftovers } from '../partitions/leftovers';
import { asError } from '../../process/is-error';
import { AssignedPartition } from '../partitions/partition';
import { createContext, type RuntimeOptions, type ConsumerContext } from '../partitions/context';
import { PositionLoader } from '../partitions/position-loader';
import { ProgressWatch } from './progress-watch';
import type { Dependency } from '../dependency';
import type { AnySubscription } from '../subscription';

const keyOf = (at: TopicPartition): string => `${at.topic}/${at.partition}`;
const watchEveryMs = 1_000;
/** Share of the stop time for finishing what runs; the rest is for the commit and for leaving. */
const drainShare = 0.6;

export class Runtime implements ClientListener {
  readonly #context: ConsumerContext;
  readonly #subscriptions: ReadonlyMap<string, AnySubscription>;
  readonly #partitions = new Map<string, AssignedPartition>();
  readonly #leftovers = new Leftovers();
  readonly #committer: Committer;
  readonly #loader: PositionLoader;
  readonly #intake: Intake;
  readonly #groupLog: GroupLog;
  readonly #over = new AbortController();
  readonly #timers: (() => void)[] = [];
  #epoch = 0;
  #memberId: string | null = null;
  #joined = false;
  #fatal: Error | null = null;
  #stopping: Promise<StopReport> | null = null;
  /** The drain of the stop; a rejoin during it waits for it as for its own. */
  #lastDrain: Promise<boolean> = Promise.resolve(true);
  /** Work that a stop should have committed went to another member first: the stop is not clean. */
  #lostAtStop = false;
  readonly #watch: ProgressWatch;

  constructor(options: RuntimeOptions) {
    const { logger } = options;
    this.#context = createContext(options, {
      onChange: () => this.onProved(),
      onFatal: (error) => {
        if (this.#fatal) return;
        this.#fatal = error;
        options.onFatal(error);
      },
    });
    this.#subscriptions = new Map(options.subscriptions.map((one) => [one.topic, one]));
    this.#groupLog = new GroupLog(logger, this.#subscriptions);
    this.#committer = new Committer(
      this.#context,
      () => this.#partitions.values(),
      () => this.onProved(),
    );
    this.#loader = new PositionLoader(this.#context);
    this.#watch = new ProgressWatch(this.#context, {
      partitions: () => this.#partitions.values(),
      leftovers: () => this.#leftovers,
      state: () => this.state(),
      isSilent: () => this.#isSilent(),
    });
    this.#intake = new Intake(this.#context, (at) => this.#partitions.get(keyOf(at)));
  }

  async start(): Promise<void> {
    const { clock, settings, client } = this.#context;
    await client.start(this);
    this.#timers.push(
      clock.every(settings.commitEveryMs, () => this.#committer.tick()),
      clock.every(watchEveryMs, () => this.#watch.tick()),
    );
  }

  stop(deadlineMs: number): Promise<StopReport> {
    this.#stopping ??= this.#stop(deadlineMs);
    return this.#stopping;
  }

  state(): ConsumerState {
    const partitions = [...this.#partitions.values()].map((partition) => partition.state());
    const { admission, slots } = this.#context;
    return {
      joined: this.#joined && !this.#isSilent(),
      membership: { ...this.#context.client.membership, ...this.#committer.state },
      breakers: admission.views(),
      limit: slots.limit,
      stalledMs: this.#watch.stall.ms,
      stalledBy: this.#watch.stall.cause,
      kafkaSilentBy: this.#watch.look.silentBy,
      kafkaAnsweredAtMs: this.#watch.look.answeredAtMs,
      partitions,
    };
  }

  ready(): boolean {
    const state = this.state();
    if (!state.joined || this.#fatal || this.#stopping) return false;
    return state.partitions.every((partition) => partition.halts.length === 0);
  }

  steer({ concurrency, ...steering }: Steering & { concurrency?: number | null }): void {
    const { slots, settings, admission } = this.#context;
    if (concurrency !== undefined) {
      slots.setLimit(Math.min(concurrency ?? Infinity, settings.concurrency));
    }
    admission.steer(steering);
  }

  hint(dependency: Dependency, untilMs: number): void {
    this.#context.admission.hint(dependency, untilMs);
  }

  onJoined(assignment: Assignment): void {
    this.#epoch = assignment.epoch;
    this.#joined = true;
    // Expelled, and back under another name: other members may have held everything meanwhile.
    const trusted = assignment.memberId === this.#memberId;
    this.#memberId = assignment.memberId;
    const wanted = new Set(assignment.partitions.map(keyOf));
    for (const [key, partition] of this.#partitions) {
      if (trusted && wanted.has(key)) continue;
      this.#partitions.delete(key);
      if (this.#stopping && partition.isUncommitted) this.#lostAtStop = true;
      partition.end(`${key} was given to another member of the group`);
      this.#leftovers.add(partition);
    }
    this.#committer.allow(assignment.epoch);
    const kept = [...this.#partitions.values()];
    const fresh = assignment.partitions
      .filter((at) => !this.#partitions.has(keyOf(at)))
      .map((at) => this.#add(at));
    // A stopping process begins nothing any more, but still may commit what it holds.
    if (this.#stopping) return;
    for (const partition of kept) partition.proceed();
    this.#groupLog.joined(assignment, kept.length);
    void this.#load([...fresh, ...kept], assignment.epoch);
  }

  async onBeforeRejoin(): Promise<void> {
    const { clock, settings } = this.#context;
    // The commit after the drain has a time limit too, or a slow one would cost the membership.
    const limitMs = (settings.drainMs + settings.rebalanceTimeoutMs) / 2;
    const drain = this.#stopping ? this.#lastDrain : this.#drain(settings.drainMs);
    await within(clock, limitMs, drain, false);
  }

  /** The partition that began longest ago comes first: of an open breaker only the first one is the probe. */
  onProved(): void {
    const partitions = [...this.#partitions.values()];
    partitions.sort((a, b) => a.runner.lastTurn - b.runner.lastTurn);
    for (const partition of partitions) partition.onProgress();
  }

  onLeft(): void {
    this.#joined = false;
    this.#committer.forbid();
  }

  onBatch(batch: FetchedBatch, accept: () => void): Promise<void> {
    return this.#intake.onBatch(batch, accept);
  }

  onFiltered(at: TopicPartition & { firstOffset: number | null; lastOffset: number }): void {
    this.#intake.onFiltered(at);
  }

  onFatal(error: Error): void {
    if (!this.#stopping) this.#context.onFatal(error);
  }

  #add(at: TopicPartition): AssignedPartition {
    const subscription = this.#subscriptions.get(at.topic);
    if (!subscription)
      throw new Error(`Assigned ${keyOf(at)}, but ${at.topic} is not subscribed to.`);
    const partition = new AssignedPartition(at, subscription, this.#context);
    this.#partitions.set(keyOf(at), partition);
    return partition;
  }

  /** Opens new partitions; for kept ones it checks that no other member held them meanwhile. */
  async #load(partitions: readonly AssignedPartition[], epoch: number): Promise<void> {
    if (partitions.length === 0) return;
    const committedBefore = partitions.map(({ progress }) => progress.accepted);
    const positions = await this.#loader.read(
      partitions.map(({ at }) => at),
      () => this.#epoch === epoch && !this.#stopping,
      this.#over.signal,
    );
    if (!positions) return;
    partitions.forEach((partition, index) => {
      const position = positions[index];
      if (!position || partition.isLost || partition.haltedBy) return;
      if (!partition.tracker) {
        this.#loader.open(partition, position);
        return;
      }
      const from = committedBefore[index] ?? -1;
      const isOurs = position.committed >= from && position.committed <= partition.progress.sent;
      if (!partition.commits || isOurs) return;
      partition.logger.warn(
        {
          event: 'partition.taken-over',
          committed: position.committed,
          ours: partition.progress.sent,
        },
        'the committed offset is not ours: beginning again from it',
      );
      partition.end('another member held the partition for a moment');
      this.#leftovers.add(partition);
      this.#loader.open(this.#add(partition.at), position);
    });
  }

  /** @returns whether all running work has ended in time. */
  async #drain(withinMs: number): Promise<boolean> {
    const partitions = [...this.#partitions.values()];
    const idle = Promise.all(partitions.map((partition) => partition.suspend())).then(
      () => true,
      (error: unknown) => {
        this.#context.logger.warn(
          { event: 'drain.failed', err: asError(error) },
          'draining failed',
        );
        return false;
      },
    );
    const inTime = await within(this.#context.clock, withinMs, idle, false);
    if (!inTime) {
      this.#context.logger.warn(
        { event: 'drain.late', drainMs: withinMs },
        'micro-batches still run at the end of the drain: the next holder repeats them',
      );
    }
    await this.#committer.flush();
    return inTime;
  }

  async #stop(deadlineMs: number): Promise<StopReport> {
    const { clock, client, logger } = this.#context;
    const startedAtMs = clock.nowMs();
    const leftMs = (): number => Math.max(1, deadlineMs - (clock.nowMs() - startedAtMs));
    for (const end of this.#timers.splice(0)) end();
    const bounded = <T>(work: Promise<T>, otherwise: T): Promise<T> =>
      within(
        clock,
        leftMs(),
        work.catch((error: unknown) => {
          logger.warn({ event: 'stop.failed', err: asError(error) }, 'a step of the stop failed');
          return otherwise;
        }),
        otherwise,
      );
    this.#lastDrain = this.#drain(deadlineMs * drainShare);
    const drained = await bounded(this.#lastDrain, false);
    const agreed = await bounded(this.#committer.isReadBack(), false);
    for (const partition of this.#partitions.values()) partition.end('the consumer stops');
    this.#over.abort(new Error('the consumer stops'));
    this.#context.admission.close();
    this.#joined = false;
    const left = await bounded(
      client.stop().then(() => true),
      false,
    );
    const clean = drained && agreed && left && !this.#lostAtStop;
    logger.info({ event: 'consumer.stopped', clean, drained, agreed, left }, 'consumer stopped');
    return { clean };
  }

  /** By now the group has given our partitions away: kafkajs retries silently, without a limit. */
  #isSilent(): boolean {
    const { clock, client, settings } = this.#context;
    return (
      clock.nowMs() - client.heardAtMs > settings.sessionTimeoutMs + settings.rebalanceTimeoutMs
    );
  }
}
