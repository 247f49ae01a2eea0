/**
 * The store behind the handlers: slow, failing as a whole or in part, answering too late, and unavailable for spells.
 *
 * A request that was sent is carried out, even if its sender has died.
 */
import type { Dependency } from '../../lib/runtime/dependency';
import type { Host } from './host';
import type { SeededRandom } from './random';
import type { VirtualTime } from './virtual-time';

export interface StorePlan {
  readonly latencyMs: number;
  readonly slow: number;
  readonly slowMs: number;
  /** Probabilities: nothing is done and the answer says so... */
  readonly failures: number;
  /** ...some of it is done, and the answer says which... */
  readonly halfFailures: number;
  /** ...all is done, and the answer gets lost. */
  readonly lostAnswers: number;
  /** It never answers: a call without a time limit, which only the progress deadline ends. */
  readonly hangs: number;
  readonly timeoutMs: number;
}

/** One item of a request; `apply` is its effect. */
interface StoreItem {
  apply(): void;
}

export class StoreDownError extends Error {
  override readonly name = 'StoreDownError';

  constructor(readonly dependency: Dependency) {
    super(`${dependency} is away`);
  }
}

export class SimulatedStore {
  isDown = false;
  isQuiet = false;

  constructor(
    readonly time: VirtualTime,
    readonly random: SeededRandom,
    readonly plan: StorePlan,
    readonly dependency: Dependency,
  ) {}

  /** @returns an error for each item that was not done. @throws Error when the result is unknown. */
  change(host: Host, items: readonly StoreItem[]): Promise<readonly (Error | null)[]> {
    return new Promise((resolve, reject) => {
      const { lostAnswers, hangs, timeoutMs } = this.plan;
      const isLost = this.#happens(lostAnswers);
      if (this.#happens(hangs)) return;
      this.time.after(this.#latencyMs(), () => {
        if (this.isDown) {
          this.#answer(host, () => reject(new StoreDownError(this.dependency)));
          return;
        }
        if (this.#happens(this.plan.failures)) {
          this.#answer(host, () => reject(new Error('the store has failed')));
          return;
        }
        const results = this.#apply(items);
        if (isLost) host.after(timeoutMs, () => reject(new Error('no answer from the store')));
        else this.#answer(host, () => resolve(results));
      });
    });
  }

  #apply(items: readonly StoreItem[]): (Error | null)[] {
    const isPartly = this.#happens(this.plan.halfFailures);
    return items.map((item) => {
      if (isPartly && this.random.chance(0.5)) return new Error('this one was not done');
      item.apply();
      return null;
    });
  }

  #answer(host: Host, settle: () => void): void {
    host.after(this.random.between(0.1, this.plan.latencyMs), settle);
  }

  #happens(probability: number): boolean {
    return !this.isQuiet && this.random.chance(probability);
  }

  #latencyMs(): number {
    const { latencyMs, slow, slowMs } = this.plan;
    return this.random.between(0.1, this.#happens(slow) ? slowMs : latencyMs);
  }
}
