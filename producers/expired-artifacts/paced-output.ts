/** Produces records to `artifacts.expired`, no faster than the deleting group finishes them. */
import type { Clock } from '../../lib/process/clock';
import type { Logger } from '../../lib/process/logger';
import { StandingWait } from '../../lib/process/standing-wait';
import type { Troubles } from '../../lib/process/troubles';
import type { LoopLimit } from './loop-limit';
import type { ExpiredTopic, PlacedRecord } from './ports';
import type { ExpiredRecord } from './records';

const pollMs = 200;
/** Other processes produce too: even without a wait of our own the backlog is read again after this long. */
const observationAgeMaxMs = 1_000;

const noRoom =
  'as many artifacts are in flight as may be (loop limit), and artifact-deleter makes no progress';

export interface PacedOutput {
  /**
   * Resolves when all replicas have every record. Waits for room, limited by the signal only.
   * @throws errors of the topic or of `confirm`: no record is remembered, the caller repeats all of them.
   */
  produce(records: readonly ExpiredRecord[], signal: AbortSignal, waiting: Waiting): Promise<void>;
}

/** While there is no room. */
interface Waiting {
  /** Kafka answers, there is just no room. */
  readonly onAnswer?: () => void;
  /**
   * Asked before records are sent that have waited, for hours maybe.
   * @throws what the wait is to end with: they are not true any more.
   */
  readonly confirm: () => Promise<void>;
}

export class LoopLimitedOutput implements PacedOutput {
  #observedAtMs = -Infinity;
  #observing: Promise<void> | undefined;
  #waiting = 0;
  #placed = 0;
  readonly #wait: StandingWait;

  constructor(
    private readonly topic: ExpiredTopic,
    private readonly limit: LoopLimit,
    private readonly clock: Clock,
    private readonly logger: Logger,
    troubles: Troubles,
  ) {
    this.#wait = new StandingWait(troubles, clock);
  }

  /** Nothing can be produced before the deleter makes progress. */
  get isFull(): boolean {
    return this.#waiting > 0;
  }

  /** Reads the deleter's progress, unless that was done just now. @throws errors of the topic. */
  async lookAgain(): Promise<void> {
    if (this.clock.nowMs() - this.#observedAtMs > observationAgeMaxMs) await this.#observe();
  }

  async produce(
    records: readonly ExpiredRecord[],
    signal: AbortSignal,
    { onAnswer, confirm }: Waiting,
  ): Promise<void> {
    if (records.length === 0) return;
    let rest = records;
    let hasWaited = false;
    await this.lookAgain();
    while (rest.length > 0) {
      signal.throwIfAborted();
      const placed = this.#place(rest);
      if (placed.length > 0) {
        this.#wait.end();
        await this.#send(placed, hasWaited ? confirm : undefined);
        hasWaited = false;
      } else {
        await this.#waitForRoom(signal);
        hasWaited = true;
        onAnswer?.();
      }
      rest = rest.slice(placed.length);
    }
  }

  /** As many of the first records as there is room for. */
  #place(records: readonly ExpiredRecord[]): PlacedRecord[] {
    const placed: PlacedRecord[] = [];
    for (const { key, value } of records) {
      const preferred = this.topic.partitionOf(key);
      const partition = this.limit.reserve(preferred, value.artifacts.length);
      if (partition === null) break;
      placed.push({ partition, key, value });
    }
    this.#placed += placed.length;
    return placed;
  }

  async #send(placed: readonly PlacedRecord[], confirm?: () => Promise<void>): Promise<void> {
    let offsets: readonly (number | null)[];
    try {
      await confirm?.();
      offsets = await this.topic.produce(placed);
    } catch (error) {
      for (const { partition, value } of placed) {
        this.limit.release(partition, value.artifacts.length);
      }
      throw error;
    }
    placed.forEach(({ partition, value }, index) => {
      this.limit.acknowledged(partition, offsets[index] ?? null, value.artifacts.length);
    });
  }

  async #waitForRoom(signal: AbortSignal): Promise<void> {
    if (this.#waiting === 0) this.logger.debug({ event: 'limit.reached' }, 'loop limit reached');
    this.#waiting += 1;
    try {
      this.#wait.look(String(this.#placed), noRoom);
      await this.#observeAfter(pollMs, signal);
    } finally {
      this.#waiting -= 1;
      if (this.#waiting === 0 && signal.aborted) this.#wait.end();
    }
  }

  async #observeAfter(ms: number, signal: AbortSignal): Promise<void> {
    await this.clock.sleep(ms, signal);
    await this.#observe();
  }

  /** One read at a time, for all callers. */
  #observe(): Promise<void> {
    this.#observing ??= this.topic
      .backlog()
      .then((backlog) => {
        this.limit.observe(backlog);
        this.#observedAtMs = this.clock.nowMs();
      })
      .finally(() => {
        this.#observing = undefined;
      });
    return this.#observing;
  }
}
