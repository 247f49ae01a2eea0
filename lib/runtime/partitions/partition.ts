/**
 * One partition while this process holds it: its buffer, its lanes, its finished offsets, and whether it may be
 * fetched.
 *
 * Made at a join; its life is in `partition-life.ts`.
 */
import type { Logger } from '../../process/logger';
import type { FetchedBatch, TopicPartition } from '../../kafka/client-port';
import type { PartitionState, IntakeHold } from '../consumer';
import { dueAtMs } from '../failure-headers';
import { laneHold, roomHold } from './intake-hold';
import { laneOf, Lane } from '../lanes/lane';
import type { LaneHost } from '../lanes/lane-host';
import { LaneRunner } from '../lanes/lane-runner';
import { PartitionCommits } from './partition-commits';
import { PartitionLog } from './partition-log';
import { drained, kept, loaded, loading } from './partition-life';
import { describePartition } from './partition-state';
import { OffsetTracker, type StartingPoint } from './offset-tracker';
import type { AnySubscription } from '../subscription';
import type { ConsumerContext } from './context';

const lanesDefault = 8;
/** Memory of a queued record beside its bytes (measured: 215). */
const recordOverheadBytes = 256;

export class AssignedPartition implements LaneHost {
  readonly logger: Logger;
  readonly runner: LaneRunner;
  readonly #lanes: Lane[];
  readonly #abort = new AbortController();
  #life = loading;
  readonly log: PartitionLog;
  repeatedBelow = 0;
  readonly progress = new PartitionCommits();
  /** Records from here on are views of the response that brought them. */
  #viewsFrom = Infinity;
  #from = 0;
  #bufferedRecords = 0;
  #bufferedBytes = 0;
  #paused = true;
  /** The lane that begins first: the one after the last that began, so that each is the probe in turn. */
  #firstLane = 0;
  #caughtUpAt: number | null = null;
  #onRoom: (() => void) | null = null;

  constructor(
    readonly at: TopicPartition,
    readonly subscription: AnySubscription,
    readonly context: ConsumerContext,
  ) {
    this.logger = context.logger.child({ topic: at.topic, partition: at.partition });
    const lanes = subscription.lanes ?? lanesDefault;
    this.#lanes = Array.from({ length: lanes }, (_, index) => new Lane(index));
    this.runner = new LaneRunner(this, context);
    this.log = new PartitionLog(this.commits);
    context.budget.join();
    context.client.pause(at);
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  get commits(): boolean {
    return this.subscription.start === 'committed';
  }

  /** Some finished or running work is not in a commit yet. */
  get isUncommitted(): boolean {
    return this.isDoneUnsaid || (this.commits && this.runner.startedAtMs.size > 0);
  }

  get isDoneUnsaid(): boolean {
    return this.commits && this.tracker !== null && this.progress.isBehind(this.tracker);
  }

  /** Of the finished records; null until the position is known. */
  get tracker(): OffsetTracker | null {
    return this.#life.tracker;
  }

  /** Records may be taken in and handled. */
  get isOpen(): boolean {
    return this.#life.kind === 'open';
  }

  get isLost(): boolean {
    return this.#life.kind === 'lost';
  }

  /** Why the whole partition is not read. */
  get haltedBy(): Error | null {
    return this.#life.kind === 'halted' ? this.#life.by : null;
  }

  get windowEnd(): number {
    const { commits, settings } = this.context;
    const doneBelow = this.tracker?.doneBelow ?? 0;
    const from =
      commits.refusedBy && this.commits ? Math.max(this.progress.accepted, this.#from) : doneBelow;
    return from + settings.windowRecords;
  }

  open(from: StartingPoint): void {
    this.#life = loaded(this.#life, new OffsetTracker(from.offset, from.done));
    this.#from = from.offset;
    this.log.begin(from, this.context.clock.nowMs());
    this.progress.begin(from.committed);
    // An earlier holder may have been a window ahead of its prefix, and its prefix ahead of its commit. Without a
    // committed offset this is unknown: the group may be new, or its offsets may have expired.
    const reach = from.committed < 0 ? Infinity : 2 * this.context.settings.windowRecords;
    this.repeatedBelow = Math.min(from.highWatermark, from.offset + reach);
    this.#caughtUpAt = from.highWatermark;
    this.context.client.seek(this.at, from.offset);
    this.subscription.onAssigned?.(this.at.partition, { highWatermark: from.highWatermark });
    this.onProgress();
  }

  /** @returns false when the batch must come again. */
  take(batch: FetchedBatch): boolean {
    const { tracker, context } = this;
    const { retry } = this.subscription;
    if (!tracker || !this.isOpen) return false;
    if (batch.fetchedOffset > tracker.taken) {
      this.logger.info(
        { event: 'partition.position-moved', asked: batch.fetchedOffset, expected: tracker.taken },
        'the position had moved: reading again from where intake stood',
      );
      context.client.seek(this.at, tracker.taken);
      return false;
    }
    this.#keepWaiting();
    this.#viewsFrom = tracker.taken;
    const nowMs = context.clock.nowMs();
    for (const record of batch.records) {
      if (record.offset < tracker.taken) continue;
      const doneBefore = tracker.isDone(record.offset);
      tracker.take(record.offset);
      if (doneBefore) continue;
      const lane = this.#lanes[laneOf(record.key, record.offset, this.#lanes.length)];
      if (lane && retry) {
        const due = dueAtMs(record.headerTexts, nowMs, retry.delayMs);
        lane.historyOf(record.offset).dueAtMs = due;
      }
      lane?.push(record);
      this.#hold(1, record.sizeBytes + recordOverheadBytes);
    }
    tracker.takeUpTo(batch.lastOffset + 1);
    this.log.took(tracker.taken, batch.highWatermark, nowMs);
    this.onProgress({ adjustFlow: false });
    return true;
  }

  /** Records that have waited as long as a fetch takes, or will wait, let go of their response. */
  #keepWaiting(): void {
    for (const lane of this.#lanes) lane.keepFrom(this.#viewsFrom);
    this.#viewsFrom = Infinity;
  }

  /** Offsets that hold nothing to deliver have been passed. */
  skipTo(offset: number): void {
    if (!this.tracker || !this.isOpen) return;
    this.tracker.takeUpTo(offset);
    this.onProgress();
  }

  /** The buffer has reached its mark: intake should wait. */
  get isFull(): boolean {
    return this.#roomHold(1) !== null;
  }

  /** Resolves when there is room again, or the partition ends. One waiter at a time: its fetch. */
  room(): Promise<void> {
    return new Promise((resolve) => (this.#onRoom = resolve));
  }

  /** Called by the lanes for every record that is done for good. */
  finish(offset: number, sizeBytes: number): void {
    this.tracker?.finish(offset);
    this.#hold(-1, -(sizeBytes + recordOverheadBytes));
  }

  /** Lanes and fetching follow the change; intake first waits for room before it pauses. */
  onProgress({ adjustFlow = true } = {}): void {
    if (this.isLost) return;
    this.#pump();
    // After its wait intake has paused, and nothing else would resume it.
    if (this.#onRoom && !this.isFull) this.#wakeIntake();
    if (adjustFlow && !this.#onRoom) this.adjustFlow();
    this.#noticeCaughtUp();
  }

  #pump(): void {
    const from = this.#firstLane;
    for (let step = 0; step < this.#lanes.length; step += 1) {
      const index = (from + step) % this.#lanes.length;
      const lane = this.#lanes[index];
      if (lane && this.runner.pump(lane)) this.#firstLane = (index + 1) % this.#lanes.length;
    }
  }

  adjustFlow(): void {
    if (this.isLost) return;
    const pause = this.intakeHold() !== null;
    if (pause === this.#paused) return;
    this.#paused = pause;
    if (pause) this.#keepWaiting();
    if (pause) this.context.client.pause(this.at);
    else this.context.client.resume(this.at);
  }

  /** No more micro-batches begin, and intake takes nothing. @returns when the running ones have ended. */
  async suspend(): Promise<void> {
    const isFirst = this.isOpen;
    this.#life = drained(this.#life);
    this.adjustFlow();
    this.#wakeIntake();
    const draining = isFirst ? this.subscription.onDraining?.(this.at.partition) : undefined;
    await Promise.all([this.runner.idle(), draining]);
  }

  /** The partition is kept after a rejoin. The client has forgotten its position and its pause. */
  proceed(): void {
    this.#life = kept(this.#life);
    this.#paused = true;
    this.context.client.pause(this.at);
    if (!this.tracker) return;
    this.context.client.seek(this.at, this.tracker.taken);
    this.subscription.onKept?.(this.at.partition);
    this.onProgress();
  }

  halt(error: Error): void {
    this.#life = { kind: 'halted', tracker: null, by: error };
    this.logger.error({ event: 'partition.halted', err: error }, 'partition halted');
    this.adjustFlow();
  }

  end(reason: string): void {
    if (this.isLost) return;
    this.#life = { kind: 'lost', tracker: this.tracker };
    for (const lane of this.#lanes) this.runner.giveAway(lane);
    this.context.budget.leave(this.#bufferedBytes);
    this.#abort.abort(new Error(reason));
    this.#wakeIntake();
    if (this.tracker) this.subscription.onLost?.(this.at.partition);
  }

  state(): PartitionState {
    return describePartition(this, {
      lanes: this.#lanes,
      bufferedRecords: this.#bufferedRecords,
      bufferedBytes: this.#bufferedBytes,
      paused: this.#paused,
      intakeHold: this.intakeHold(),
    });
  }

  #noticeCaughtUp(): void {
    // Nothing may begin during the drain; after a rejoin it is reported, if the partition is kept.
    if (this.#caughtUpAt === null || this.#life.kind !== 'open') return;
    if (this.#life.tracker.doneBelow < this.#caughtUpAt) return;
    this.#caughtUpAt = null;
    this.subscription.onCaughtUp?.(this.at.partition);
  }

  /** Why the partition is not fetched, as of now; null when it should be. */
  intakeHold(): IntakeHold | null {
    const { kind } = this.#life;
    if (kind === 'halted' || kind === 'loading') return kind;
    if (kind !== 'open') return 'draining';
    if (this.runner.isShut(this.#lanes)) return 'shut';
    return laneHold(this.#lanes) ?? this.#roomHold(this.#paused ? 0.5 : 1);
  }

  #roomHold(share: number): IntakeHold | null {
    const { tracker, context } = this;
    // Not the tracker's span: a loaded map may reach far beyond what has been taken, and intake would wait for ever for
    // the prefix to move.
    const ahead = tracker ? tracker.taken - tracker.doneBelow : 0;
    const [bufferedRecords, bufferedBytes] = [this.#bufferedRecords, this.#bufferedBytes];
    const hold = roomHold({ bufferedRecords, bufferedBytes, ahead }, context.settings, share);
    return hold ?? (context.budget.mustWait(bufferedBytes) ? 'memory' : null);
  }

  #hold(records: number, bytes: number): void {
    this.#bufferedRecords += records;
    this.#bufferedBytes += bytes;
    if (this.isLost) return;
    if (bytes > 0) this.context.budget.take(bytes);
    else this.context.budget.give(-bytes);
  }

  #wakeIntake(): void {
    this.#onRoom?.();
    this.#onRoom = null;
  }
}
