/** A store in simulated time that can do `knee` things at once at full speed, and slows down beyond that. */
import type { AdaptiveLimit } from '../../../lib/runtime/lanes/adaptive-limit';

interface StoreLoad {
  /** So many things at once do not delay each other. */
  readonly knee: number;
  /** Of one micro-batch alone. */
  readonly serviceMs: number;
  /** Between 0 and 1; how long each takes is random around `serviceMs`. */
  readonly random: () => number;
}

interface Running {
  readonly startedAtMs: number;
  leftMs: number;
}

/** The observations of one `run`. */
interface SeenLoad {
  readonly perSecond: number;
  readonly latencyMs: number;
  readonly meanLimit: number;
}

/** Keeps as many micro-batches running as the limit allows: there is always more to do. */
export class QueueingStore {
  /** Everything takes so many times as long: another client uses the store. */
  slowdown = 1;
  #nowMs = 0;
  readonly #running: Running[] = [];
  readonly #load: StoreLoad;
  readonly #limit: AdaptiveLimit;

  constructor(load: StoreLoad, limit: AdaptiveLimit) {
    this.#load = load;
    this.#limit = limit;
  }

  run(ms: number): SeenLoad {
    const untilMs = this.#nowMs + ms;
    const sum = { ended: 0, latencyMs: 0, limitMs: 0 };
    while (this.#nowMs < untilMs) {
      while (this.#running.length < this.#limit.value) this.#start();
      const before = this.#nowMs;
      const limit = this.#limit.value;
      sum.latencyMs += this.#finishOne();
      sum.ended += 1;
      sum.limitMs += limit * (this.#nowMs - before);
    }
    return {
      perSecond: (sum.ended / ms) * 1_000,
      latencyMs: sum.latencyMs / sum.ended,
      meanLimit: sum.limitMs / ms,
    };
  }

  #start(): void {
    const { random, serviceMs } = this.#load;
    // Between half and one and a half of the mean, now and then five times as long.
    const share = (0.5 + random()) * (random() < 0.02 ? 5 : 1);
    this.#running.push({ startedAtMs: this.#nowMs, leftMs: share * serviceMs });
  }

  /** @returns its latency. */
  #finishOne(): number {
    const { knee } = this.#load;
    const running = this.#running.length;
    const speed = Math.min(1, knee / running) / this.slowdown;
    const next = this.#running.reduce((least, one) => (one.leftMs < least.leftMs ? one : least));
    const { leftMs } = next;
    for (const one of this.#running) one.leftMs -= leftMs;
    this.#nowMs += leftMs / speed;
    this.#running.splice(this.#running.indexOf(next), 1);
    const { startedAtMs } = next;
    const endedAtMs = this.#nowMs;
    this.#limit.ended({
      units: 1,
      startedAtMs,
      endedAtMs,
      failed: false,
      overloaded: false,
      running,
    });
    return endedAtMs - startedAtMs;
  }
}

/** Mulberry32: the same seed gives the same run. */
export function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
