/**
 * How many micro-batches may run at once, found by how long they take (AIMD): pure, told the time by its caller.
 *
 * Work that queues up in a store shows as latency: n at once at a store that can do k take n/k times as long
 * as one alone. So the latency of the last few micro-batches is compared with a baseline. Twice the baseline
 * halves the limit, which also empties the queue and lets the baseline be read anew; below that, and only
 * while all slots are taken, the limit grows: it doubles until something is felt for the first time, then one
 * at a time. An overload that was named (a timeout, a 503) halves it at once. What began under another limit
 * says nothing about this one and is not looked at.
 *
 * The baseline falls quickly. It rises only by what was measured right after a decrease or at a limit of one,
 * where our own queue cannot be the reason, and slowly: a store that is slow for a minute is yielded to, one
 * that is slower for good is got used to.
 */

export interface LimitSettings {
  /** The configured concurrency: never more. */
  readonly max: number;
  /** Where it begins: low, so that the first baseline is that of a store without our queue. */
  readonly first: number;
  /** Latency above this many baselines is overload. */
  readonly tolerance: number;
  /** Micro-batches after which it is decided, at least; and all that fit into the limit. */
  readonly windowSamples: number;
  /** Half of a lasting slowdown has become the baseline after so long. */
  readonly relearnMs: number;
}

export const limitDefaults: Omit<LimitSettings, 'max'> = {
  first: 2,
  tolerance: 2,
  windowSamples: 10,
  relearnMs: 60_000,
};

/** One micro-batch that has ended. */
export interface LatencySample {
  /** What it worked on, in the unit that its time depends on; micro-batches of like size are compared. */
  readonly units: number;
  readonly startedAtMs: number;
  readonly endedAtMs: number;
  /** Something has to be tried again: its time counts when it is long, and is no example when it is short. */
  readonly failed: boolean;
  /** A store said that it has too much to do. */
  readonly overloaded: boolean;
  /** Micro-batches that ran when it ended, itself included. */
  readonly running: number;
}

/** One of a window may be late for reasons of its own (a lock, a collected heap); two are not waited for. */
const lateRatio = 8;
const lateMax = 2;
const fallShare = 0.25;
/** Felt, though no overload: the doubling ends here. */
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
  /** The window follows a decrease: our own queue has been emptied. */
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
    this.#learn(nowMs);
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

  #learn(nowMs: number): void {
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
