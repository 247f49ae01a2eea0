/**
 * Watches a replay while it runs: holds it while an operator has paused it or the live group is behind, and ends it when
 * its range is done or an operator has cancelled it.
 */
import type { OffsetRange } from '../kafka/commit-map';
import type { Clock } from '../process/clock';
import { asError } from '../process/is-error';
import type { ConsumerState } from '../runtime/consumer';
import type { StretchConsumer } from '../runtime/stretch';
import type { Wish } from './record';

export interface WatchPorts {
  readonly clock: Clock;
  /** What the operator wants now. @throws when Kafka does not answer. */
  readonly wish: () => Promise<Wish>;
  /** Records that the live group has not done. @throws when Kafka does not answer. */
  readonly liveLag: () => Promise<number>;
  readonly tell: (progress: ReplayProgress) => void;
}

export interface ReplayProgress {
  /** Records of the range that are done; offsets without a record count, too. */
  readonly done: number;
  readonly total: number;
  /** Why nothing begins at the moment; null when something may. */
  readonly waitsFor: string | null;
  /** Why partitions or lanes stand until an operator acts. */
  readonly halts: readonly string[];
}

/** How a replay came to its end; a signal ends it without one. */
export type Ending = 'done' | 'cancelled';

interface Watched {
  readonly topic: string;
  readonly ranges: ReadonlyMap<number, OffsetRange>;
  /** The replay waits while the live group is further behind, and until that is half. */
  readonly liveLagMax: number;
}

const lookEveryMs = 1_000;
/** After so long without an answer nothing more is begun: live work may be far behind, and a pause may be wanted. */
const unknownMaxMs = 30_000;

/** The latest answer to one question, and since when there is none. */
class Latest<T> {
  value: T;
  #knownAtMs: number;
  #reason = '';

  constructor(value: T, nowMs: number) {
    this.value = value;
    // Nothing is known at the beginning.
    this.#knownAtMs = nowMs - unknownMaxMs;
  }

  take(result: PromiseSettledResult<T>, nowMs: number): void {
    if (result.status === 'fulfilled') {
      this.value = result.value;
      this.#knownAtMs = nowMs;
    } else this.#reason = asError(result.reason).message;
  }

  /** @returns why there is no answer, when that has lasted for too long. */
  unknown(nowMs: number): string | null {
    return nowMs - this.#knownAtMs < unknownMaxMs ? null : this.#reason;
  }
}

/** @returns when the replay is over. @throws the signal's reason. */
export async function watchReplay(
  consumer: StretchConsumer,
  watched: Watched,
  ports: WatchPorts,
  signal: AbortSignal,
): Promise<Ending> {
  const { clock } = ports;
  const wish = new Latest<Wish>('run', clock.nowMs());
  const lag = new Latest(0, clock.nowMs());
  let givesWay = false;
  for (;;) {
    const [wished, left] = await Promise.allSettled([ports.wish(), ports.liveLag()]);
    signal.throwIfAborted();
    const nowMs = clock.nowMs();
    wish.take(wished, nowMs);
    lag.take(left, nowMs);
    givesWay = mustGiveWay(givesWay, lag.value, watched.liveLagMax);
    const unknown = wish.unknown(nowMs) ?? lag.unknown(nowMs);
    consumer.hold(wish.value === 'pause' || givesWay || unknown !== null);
    const progress = progressOf(consumer.state(), watched);
    const waitsFor = causeOf(wish.value, givesWay, lag.value) ?? causeOfUnknown(unknown);
    ports.tell({ ...progress, waitsFor });
    if (wish.value === 'cancel') return 'cancelled';
    if (progress.done === progress.total) return 'done';
    await clock.sleep(lookEveryMs, signal);
  }
}

const causeOfUnknown = (reason: string | null): string | null =>
  reason === null
    ? null
    : `it is not known what the operator wants and how much live work is left: ${reason}`;

/** Live work goes first. It may begin again at half of the limit, so that it does not change with every record. */
export const mustGiveWay = (givesWay: boolean, lag: number, lagMax: number): boolean =>
  lag > (givesWay ? Math.floor(lagMax / 2) : lagMax);

function causeOf(wish: Wish, givesWay: boolean, lag: number): string | null {
  if (wish === 'pause') return 'paused by an operator';
  return givesWay ? `live work goes first: ${lag} records of it are left` : null;
}

/** A partition that is not loaded yet, or is another member's, has nothing done. */
export function progressOf(
  state: ConsumerState,
  { topic, ranges }: Pick<Watched, 'topic' | 'ranges'>,
): Omit<ReplayProgress, 'waitsFor'> {
  const own = state.partitions.filter((one) => one.topic === topic);
  const at = new Map(own.map((one) => [one.partition, one]));
  let done = 0;
  let total = 0;
  for (const [partition, { from, to }] of ranges) {
    total += to - from;
    const { doneBelow = null, doneBeyond = 0 } = at.get(partition) ?? {};
    if (doneBelow === null) continue;
    done += Math.max(0, Math.min(doneBelow, to) - from) + (doneBelow < to ? doneBeyond : 0);
  }
  return { done, total, halts: own.flatMap(({ halts }) => halts) };
}
