/**
 * Runs the lanes of one partition: a micro-batch at a time a lane, each in a slot of the process.
 *
 * What has to be tried again stays at the front of its lane, so order within a key holds; the lane waits
 * with growing pauses and without its slot. A halted lane keeps its records: the prefix never passes it.
 */
import {
  asError,
  assemble,
  handleAll,
  settle,
  type MicroBatch,
  type Settlement,
} from './micro-batch';
import type { Lane } from './lane';
import type { TopicPartition } from './client-port';
import type { AnySubscription } from './subscription';
import type { Surroundings } from './surroundings';
import type { Logger } from '../process/logger';
import { retryDelayMs } from './retry-delay';

/** What the lanes need of their partition. */
export interface LaneHost {
  readonly at: TopicPartition;
  readonly subscription: AnySubscription;
  readonly logger: Logger;
  /** Aborts when what runs has become pointless. */
  readonly signal: AbortSignal;
  readonly dead: boolean;
  readonly isOpen: boolean;
  /** Records from here on must wait. */
  readonly windowEnd: number;
  readonly repeatedBelow: number;
  finish(offset: number, sizeBytes: number): void;
  /** Something changed: other lanes, or the fetching, may go on. */
  onProgress(): void;
}

/** Messages that differ in more than numbers, in one spell of failures. */
const toldReasonsMax = 10;

export class LaneRunner {
  /** Start times of what runs, for the progress deadline. */
  readonly startedAtMs = new Map<Lane, number>();
  readonly #partition: LaneHost;
  readonly #around: Surroundings;
  #onIdle: (() => void)[] = [];

  constructor(partition: LaneHost, around: Surroundings) {
    this.#partition = partition;
    this.#around = around;
  }

  /** Resolves when no micro-batch runs; lanes that wait to try again do not count. */
  idle(): Promise<void> {
    if (this.startedAtMs.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#onIdle.push(resolve));
  }

  /** Starts the lane if it has something to do and nothing forbids it. */
  pump(lane: Lane): void {
    if (lane.busy || lane.haltedBy || lane.lingering || !this.#hasWork(lane)) return;
    const { lingerMs = 0, maxRecords } = this.#partition.subscription;
    if (lingerMs > 0 && lane.length < maxRecords && lane.failures === 0)
      this.#linger(lane, lingerMs);
    else this.#queue(lane);
  }

  #hasWork(lane: Lane): boolean {
    const first = lane.first();
    return (
      first !== undefined && this.#partition.isOpen && first.offset < this.#partition.windowEnd
    );
  }

  #linger(lane: Lane, lingerMs: number): void {
    lane.lingering = true;
    void this.#pause(lingerMs).then(() => {
      lane.lingering = false;
      if (!lane.busy && this.#hasWork(lane)) this.#queue(lane);
    });
  }

  #queue(lane: Lane): void {
    lane.busy = true;
    this.#around.slots.acquire(() => {
      this.#run(lane).catch((error: unknown) => this.#around.onFatal(asError(error)));
    });
  }

  async #run(lane: Lane): Promise<void> {
    const settlement = await this.#runInSlot(lane);
    if (settlement?.retry && !settlement.halt) {
      await this.#pause(retryDelayMs(lane.failures, this.#around.settings, this.#around.random));
    }
    lane.busy = false;
    this.#partition.onProgress();
  }

  /** @returns null when there was nothing to run any more, or the result counts no more. */
  async #runInSlot(lane: Lane): Promise<Settlement | null> {
    const { slots, clock } = this.#around;
    if (!this.#hasWork(lane)) {
      slots.release();
      return null;
    }
    this.startedAtMs.set(lane, clock.nowMs());
    try {
      const batch = await assemble(lane, this.#partition.subscription, {
        partition: this.#partition.at.partition,
        windowEnd: this.#partition.windowEnd,
        repeatedBelow: this.#partition.repeatedBelow,
      });
      const outcomes =
        batch.records.length === 0
          ? []
          : await handleAll(batch, this.#partition.subscription, this.#partition.signal);
      if (this.#partition.dead) return null;
      const settlement = settle(lane, batch, outcomes);
      this.#apply(lane, batch, settlement);
      return settlement;
    } finally {
      slots.release();
      this.startedAtMs.delete(lane);
      if (this.startedAtMs.size === 0) this.#wakeIdle();
    }
  }

  #apply(lane: Lane, batch: MicroBatch, settlement: Settlement): void {
    lane.replaceFront(batch.fetched.length, settlement.unfinished);
    for (const record of settlement.finished) {
      this.#partition.finish(record.offset, record.sizeBytes);
    }
    if (settlement.halt) this.#halt(lane, settlement.halt);
    else if (settlement.retry) this.#countFailure(lane, settlement);
    else this.#countSuccess(lane);
  }

  #halt(lane: Lane, { error, offset }: NonNullable<Settlement['halt']>): void {
    lane.haltedBy = error;
    lane.failures = 0;
    this.#partition.logger.error(
      { event: 'lane.halted', lane: lane.index, offset, err: error },
      'lane halted: its records wait for a person',
    );
  }

  #countFailure(lane: Lane, settlement: Settlement): void {
    // Something got done: the dependency answers, so the pauses begin anew.
    if (settlement.finished.length > 0 && lane.failures > 0) lane.failures = 1;
    else lane.failures += 1;
    lane.failingSinceMs ||= this.#around.clock.nowMs();
    // Each reason once: what began as an outage may turn out to be a hold, and only that needs a person.
    const reason = settlement.retry?.message.replace(/[0-9]+/g, '0') ?? '';
    if (lane.toldReasons.has(reason) || lane.toldReasons.size >= toldReasonsMax) return;
    lane.toldReasons.add(reason);
    this.#partition.logger.warn(
      {
        event: 'lane.retrying',
        lane: lane.index,
        offset: lane.first()?.offset,
        err: settlement.retry,
      },
      'lane retries until it succeeds',
    );
  }

  #countSuccess(lane: Lane): void {
    if (lane.failures === 0) return;
    this.#partition.logger.info(
      {
        event: 'lane.recovered',
        lane: lane.index,
        elapsedMs: this.#around.clock.nowMs() - lane.failingSinceMs,
      },
      'lane recovered',
    );
    lane.failures = 0;
    lane.failingSinceMs = 0;
    lane.toldReasons.clear();
  }

  #wakeIdle(): void {
    const waiting = this.#onIdle;
    this.#onIdle = [];
    for (const resolve of waiting) resolve();
  }

  /** Ends early, without an error, when the partition is lost. */
  async #pause(ms: number): Promise<void> {
    await this.#around.clock.sleep(ms, this.#partition.signal).catch(() => undefined);
  }
}
