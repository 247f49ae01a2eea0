/**
 * How many micro-batches may run at once, found by how long they take. Pure: the caller passes the time.
 *
 * It is AIMD, as TCP does it: the limit grows by steps, and an overload halves it.
 *
 * Work that queues up in a store shows as latency: n at once at a store that can do k take n/k times as long as one
 * alone. So the latency of the last few micro-batches is compared with a baseline. Twice the baseline halves the limit,
 * which also empties the queue and lets the baseline be measured anew. Below that, and only while all slots are taken,
 * the limit grows: it doubles until latency rises for the first time, then it grows by one. A named overload (a
 * timeout, a 503) halves it at once. A micro-batch that began under another limit says nothing about this one and is
 * ignored.
 *
 * The baseline falls quickly. It rises slowly, and only by what was measured right after a decrease or at a limit of
 * one, where our own queue cannot be the reason. So the limit yields to a store that is slow for a minute, and adapts
 * to one that stays slow.
 */

interface LimitSettings {
  /** The configured concurrency: never more. */
  readonly max: number;
  /** The limit at the start: low, so that the first baseline is that of a store without our queue. */
  readonly first: number;
  /** Latency above this many baselines is overload. */
  readonly tolerance: number;
  /** A decision needs at least so many micro-batches, and as many as fit into the limit. */
  readonly windowSamples: number;
  /** After so long, half of a lasting slowdown has become the baseline. */
  readonly relearnMs: number;
}

const limitDefaults: Omit<LimitSettings, 'max'> = {
  first: 2,
  tolerance: 2,
  windowSamples: 10,
  relearnMs: 60_000,
};

/** One micro-batch that has ended. */
export interface LatencySample {
  /** Its size, in the unit that its time depends on; only micro-batches of like size are compared. */
  readonly units: number;
  readonly startedAtMs: number;
  readonly endedAtMs: number;
  /** A record has to be tried again: a long time counts, a short one is no example. */
  readonly failed: boolean;
  /** A store answered that it is overloaded. */
  readonly overloaded: boolean;
  /** Micro-batches that ran when it ended, itself included. */
  readonly running: number;
}

/** One micro-batch of a window may be late for reasons of its own (a lock, garbage collection); two are a signal. */
const lateRatio = 8;
const lateMax = 2;
const fallShare = 0.25;
/** Latency has risen, though this is no overload: the doubling ends here. */
const feltRatio = 1.3;

export class AdaptiveLimit {
  readonly #settings: LimitSettings;
  #limit: number;
  #doubling = true;
  /** By size class. */
  readonly #baselineMs = new Map<number, number>();
  #window = new Map<number, number[]>();
  #ratios: number[] = [];
  #full = 0;
  #changedAtMs = -Infinity;
  #decidedAtMs: number | null = null;
  /** The window follows a decrease, so our own queue is empty. */
  #isTrough = false;

  constructor(settings: Pick<LimitSettings, 'max'> & Partial<LimitSettings>) {
    this.#settings = { ...limitDefaults, ...settings };
    this.#limit = Math.min(this.#settings.first, this.#settings.max);
  }

  get value(): number {
    return this.#limit;
  }

  /** Call it for every micro-batch that has ended. @returns the limit from now on. */
  ended(sample: LatencySample): number {
    this.#decidedAtMs ??= sample.endedAtMs;
    if (sample.startedAtMs < this.#changedAtMs) return this.#limit;
    if (sample.overloaded) return this.#decrease(sample.endedAtMs);
    this.#note(sample);
    const late = this.#ratios.filter((ratio) => ratio > lateRatio).length;
    const enough = Math.max(this.#settings.windowSamples, this.#limit);
    if (late >= lateMax || this.#ratios.length >= enough) this.#decide(sample.endedAtMs);
    return this.#limit;
  }

  #note({ units, startedAtMs, endedAtMs, failed, running }: LatencySample): void {
    const sizeClass = Math.floor(Math.log2(Math.max(1, units)));
    const elapsedMs = Math.max(1, endedAtMs - startedAtMs);
    const baselineMs = this.#baselineMs.get(sizeClass);
    const ratio = baselineMs === undefined ? 1 : elapsedMs / baselineMs;
    if (failed && ratio <= this.#settings.tolerance) return;
    this.#ratios.push(ratio);
    if (running >= this.#limit) this.#full += 1;
    if (failed) return;
    const times = this.#window.get(sizeClass);
    if (times) times.push(elapsedMs);
    else this.#window.set(sizeClass, [elapsedMs]);
  }

  #decide(nowMs: number): void {
    const ratio = median(this.#ratios);
    const late = this.#ratios.filter((one) => one > lateRatio).length;
    this.#adaptBaselines(nowMs);
    if (ratio > this.#settings.tolerance || late >= lateMax) {
      this.#decrease(nowMs);
      return;
    }
    if (ratio > feltRatio) this.#doubling = false;
    const isFull = this.#full * 2 > this.#ratios.length;
    const grown = this.#doubling ? this.#limit * 2 : this.#limit + 1;
    this.#begin(nowMs, isFull ? Math.min(this.#settings.max, grown) : this.#limit);
  }

  #decrease(nowMs: number): number {
    this.#doubling = false;
    this.#begin(nowMs, Math.max(1, Math.floor(this.#limit / 2)));
    this.#isTrough = true;
    return this.#limit;
  }

  #begin(nowMs: number, limit: number): void {
    if (limit !== this.#limit) this.#changedAtMs = nowMs;
    this.#limit = limit;
    this.#decidedAtMs = nowMs;
    this.#isTrough = limit === 1;
    this.#window = new Map();
    this.#ratios = [];
    this.#full = 0;
  }

  #adaptBaselines(nowMs: number): void {
    const elapsedMs = nowMs - (this.#decidedAtMs ?? nowMs);
    const riseShare = this.#isTrough ? 1 - 0.5 ** (elapsedMs / this.#settings.relearnMs) : 0;
    for (const [sizeClass, times] of this.#window) {
      const seenMs = median(times);
      const baselineMs = this.#baselineMs.get(sizeClass) ?? seenMs;
      const share = seenMs < baselineMs ? fallShare : riseShare;
      this.#baselineMs.set(sizeClass, baselineMs + share * (seenMs - baselineMs));
    }
  }
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 1;
}
