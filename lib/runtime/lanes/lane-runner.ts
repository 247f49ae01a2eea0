/**
 * Runs the lanes of one partition: one micro-batch at a time for each lane, each in a slot of the process.
 *
 * A record that has to be tried again stays at the front of its lane, so order within a key holds; the lane waits with
 * growing pauses and without its slot. A record that fails for its own reasons is copied to a retry or dead-letter
 * topic, and counts as finished once the copy is safe. A halted lane keeps its records: the prefix never passes it.
 */
import type { TopicPartition } from '../../kafka/client-port';
import type { LaneHost } from './lane-host';
import { noFailurePolicy, type FailurePolicy } from '../failure-policy';
import type { Ticket } from '../failures/admission';
import { activities, type Lane, type Unsent } from './lane';
import { hasProbe } from './lanes';
import { LaneLog } from './lane-log';
import { asError } from '../../process/is-error';
import { assemble, handleAll, type MicroBatch } from './micro-batch';
import { publisherNeeds, redirect } from './redirect';
import { batchResult, BatchResult, reportOutcomes, lanePauseMs } from './batch-result';
import type { LaneContext } from './lane-context';

const keyOf = ({ topic, partition }: TopicPartition): string => `${topic}/${partition}`;

export class LaneRunner {
  /** When one of its lanes began last, in turns of the admission. */
  lastTurn = 0;
  /** Start times of running micro-batches, for the progress deadline. */
  readonly startedAtMs = new Map<Lane, number>();
  readonly #partition: LaneHost;
  readonly #context: LaneContext;
  readonly #policy: FailurePolicy;
  /** Flags steer work, not the reading of state. */
  readonly #isSteered: boolean;
  readonly #log: LaneLog;
  readonly #mayBegin = (): boolean => this.#context.client.mayBegin();
  #onIdle: (() => void)[] = [];

  constructor(partition: LaneHost, context: LaneContext) {
    this.#partition = partition;
    this.#context = context;
    const { failures, start } = partition.subscription;
    this.#policy = failures ?? noFailurePolicy;
    this.#isSteered = start === 'committed';
    this.#log = new LaneLog(partition.logger);
  }

  /** Why none of the lanes may begin anything, while that is so. */
  get heldBy(): string | null {
    const { client, commits, admission } = this.#context;
    const byOthers = admission.heldBy(this.#policy.needs, this.#isSteered);
    if (byOthers !== null || !this.#isSteered) return byOthers;
    if (!client.mayBegin()) return 'nothing proves that this is still a member of its group';
    return commits.refusedBy && `offsets are not committed: ${commits.refusedBy.message}`;
  }

  /** Fetching more would only fill memory. */
  isShut(lanes: readonly Lane[]): boolean {
    if (this.#isSteered && !this.#context.client.mayBegin()) return true;
    return this.#context.admission.isShut(this.#policy.needs, this.#isSteered, hasProbe(lanes));
  }

  /** Resolves when no micro-batch runs; lanes that wait for a retry do not count. */
  idle(): Promise<void> {
    if (this.startedAtMs.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#onIdle.push(resolve));
  }

  /** Starts the lane if it has records and nothing forbids it. @returns whether it did. */
  pump(lane: Lane): boolean {
    if (!lane.isIdle || !this.#hasWork(lane)) return false;
    const needs = lane.unsent ? publisherNeeds : this.#policy.needs;
    if (!this.#context.admission.mayEnter(needs, this.#isSteered)) return false;
    const { lingerMs = 0, maxRecords } = this.#partition.subscription;
    if (lingerMs > 0 && lane.length < maxRecords && lane.failing === null)
      this.#linger(lane, lingerMs);
    else this.#queue(lane);
    return true;
  }

  #hasWork(lane: Lane): boolean {
    const first = lane.first();
    if (first === undefined || !this.#partition.isOpen) return false;
    if (this.#isSteered && !this.#context.client.mayBegin()) return false;
    return first.offset < this.#partition.windowEnd && this.#isDue(lane, first.offset);
  }

  /** A record of a retry topic waits until it is due; then the lane is checked again. */
  #isDue(lane: Lane, offset: number): boolean {
    const dueAtMs = lane.knownOf(offset)?.dueAtMs ?? null;
    if (dueAtMs === null) return true;
    const waitMs = dueAtMs - this.#context.clock.nowMs();
    if (waitMs <= 0) return true;
    if (lane.activity.kind === 'idle') {
      lane.activity = activities.notDue;
      void this.#pause(waitMs).then(() => {
        if (lane.activity.kind === 'not-due') lane.activity = activities.idle;
        this.#partition.onProgress();
      });
    }
    return false;
  }

  #linger(lane: Lane, lingerMs: number): void {
    lane.activity = activities.lingering;
    void this.#pause(lingerMs).then(() => {
      lane.activity = activities.idle;
      if (this.#hasWork(lane)) this.#queue(lane);
    });
  }

  #queue(lane: Lane): void {
    lane.activity = activities.busy;
    const begin = (): void => {
      this.#run(lane).catch((error: unknown) => this.#context.onFatal(asError(error)));
    };
    // State is read without a slot: decisions of operators must not queue behind slow stores.
    if (this.#isSteered) this.#context.slots.acquire(keyOf(this.#partition.at), begin);
    else begin();
  }

  #release(): void {
    if (this.#isSteered) this.#context.slots.release();
  }

  async #run(lane: Lane): Promise<void> {
    const result = await this.#runInSlot(lane);
    const isAgain = result?.retry && !result.halt;
    if (isAgain) await this.#pause(lanePauseMs(lane, result, this.#context));
    lane.rest();
    this.#partition.onProgress();
  }

  /** @returns null when nothing was left to run, or the result does not count any more. */
  async #runInSlot(lane: Lane): Promise<BatchResult | null> {
    const { clock, admission } = this.#context;
    // For failed records the admission is asked about their producer.
    const needs = lane.unsent ? [] : this.#policy.needs;
    const ticket = this.#hasWork(lane) ? admission.enter(needs, this.#isSteered) : null;
    if (!ticket) {
      this.#release();
      return null;
    }
    this.lastTurn = ticket.turn;
    this.startedAtMs.set(lane, clock.nowMs());
    let result: BatchResult | null = null;
    let records = 0;
    try {
      if (lane.unsent) return await this.#sendAgain(lane, lane.unsent);
      const batch = await assemble(lane, this.#partition.subscription, this.#view());
      // Decoding may have waited for the registry: after a drain or a loss, nothing new begins.
      if (!this.#partition.isOpen) return null;
      records = batch.records.length;
      result = await this.#handle(lane, batch);
      return result;
    } finally {
      // The admission comes first: a micro-batch that gets a slot must know the state of that moment.
      this.#leave(ticket, result, records);
      this.#release();
      this.startedAtMs.delete(lane);
      if (this.startedAtMs.size === 0) this.#wakeIdle();
    }
  }

  #view(): Parameters<typeof assemble>[2] {
    const { at, windowEnd, repeatedBelow } = this.#partition;
    return {
      partition: at.partition,
      windowEnd,
      repeatedBelow,
      nowMs: this.#context.clock.nowMs(),
    };
  }

  #leave(ticket: Ticket, result: BatchResult | null, records: number): void {
    const { admission } = this.#context;
    if (result?.isProof) admission.proved(ticket);
    // Without a result nothing is known about what was needed.
    const isKnown = result !== null && !result.isContradicted;
    admission.leave(ticket, result?.absent ?? [], isKnown ? records : 0);
  }

  async #handle(lane: Lane, batch: MicroBatch): Promise<BatchResult | null> {
    const { clock, observer, settings, failureRun, pace, admission } = this.#context;
    const { subscription, signal, at } = this.#partition;
    const startedMs = clock.nowMs();
    const outcomes =
      batch.records.length === 0
        ? []
        : await handleAll(batch, subscription, signal, this.#mayBegin);
    pace.note(batch, subscription, outcomes, startedMs);
    if (this.#partition.isLost) return null;
    if (batch.records.length > 0) {
      observer.handled(at.topic, batch.records.length, clock.nowMs() - startedMs);
    }
    const result = batchResult(lane, batch, outcomes, {
      policy: this.#policy,
      triesInPlace: settings.triesInPlace,
      mayWrite: !failureRun.isOver,
      admission,
      nowMs: clock.nowMs(),
    });
    if (result.toPublish.length > 0) await this.#redirect(result);
    if (this.#isLost()) return null;
    this.#apply(lane, batch, result);
    return result;
  }

  /** The handler has answered and is not called again: only the copies are missing. */
  async #sendAgain(lane: Lane, unsent: Unsent): Promise<BatchResult | null> {
    const result = BatchResult.ofUnsent(unsent);
    await this.#redirect(result);
    if (this.#isLost()) return null;
    this.#apply(lane, { fetched: [], records: [], failure: null }, result);
    return result;
  }

  #redirect(result: BatchResult): Promise<void> {
    const { at, subscription } = this.#partition;
    const retryLevel = subscription.retry?.level ?? null;
    return redirect(this.#context, { ...at, policy: this.#policy, retryLevel }, result, this.#log);
  }

  /** Checked again, since the partition may have been lost during an await. */
  #isLost(): boolean {
    return this.#partition.isLost;
  }

  #apply(lane: Lane, batch: MicroBatch, result: BatchResult): void {
    const { finished, unfinished, unsent } = result;
    lane.unsent = unsent;
    lane.replaceFront(finished.length + unfinished.length, unfinished);
    for (const record of finished) {
      lane.forget(record.offset);
      this.#partition.finish(record.offset, record.sizeBytes);
    }
    if (finished.length > result.published) this.#context.failureRun.succeeded();
    reportOutcomes(this.#context.observer, this.#partition.at.topic, batch, result);
    if (result.halt) {
      lane.halt(result.halt.error);
      this.#log.halted(lane, result.halt);
    } else if (result.retry) this.#countFailure(lane, result);
    else this.#countSuccess(lane);
  }

  #countFailure(lane: Lane, result: BatchResult): void {
    const { finished, stuck, retry, absent } = result;
    const { clock, settings } = this.#context;
    const { needs } = this.#policy;
    const failing = lane.countFailure(clock.nowMs(), finished.length > 0);
    failing.onSharedNeed = result.failedOnSharedNeed(needs);
    if (stuck && failing.failures >= settings.triesInPlace && !failing.stuckBy) {
      failing.stuckBy = stuck;
      this.#log.stuck(lane, stuck);
    }
    for (const { dependency } of absent) {
      if (!needs.includes(dependency)) failing.missed.add(dependency);
    }
    if (retry) this.#log.retrying(lane, failing, retry, absent.length > 0);
  }

  #countSuccess(lane: Lane): void {
    const ended = lane.countSuccess();
    if (ended === null) return;
    for (const dependency of ended.missed) this.#context.admission.answered(dependency);
    this.#log.recovered(lane.index, ended, this.#context.clock.nowMs());
  }

  /** If the lane has logged a failure, log that its partition has moved on. */
  giveAway({ index, failing }: Lane): void {
    if (failing) this.#log.givenAway(index, failing, this.#context.clock.nowMs());
  }

  #wakeIdle(): void {
    const waiting = this.#onIdle;
    this.#onIdle = [];
    for (const resolve of waiting) resolve();
  }

  /** Ends early, without an error, when the partition is lost. */
  #pause(ms: number): Promise<void> {
    return this.#context.clock.sleep(ms, this.#partition.signal).catch(() => undefined);
  }
}
