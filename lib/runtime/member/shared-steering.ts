/** Joins the two that steer the consumer of a replay: flags of operators, and the replay itself. */
import type { Consumer } from '../consumer';

type Steering = Parameters<Consumer['steer']>[0];

export class SharedSteering {
  readonly #apply: (steering: Steering) => void;
  readonly #recordsPerSecond: number;
  #byFlags: Steering = { paused: false, recordsPerSecond: null };
  #isHeld = false;

  /** @param recordsPerSecond the highest rate: flags can only lower it. */
  constructor(apply: (steering: Steering) => void, recordsPerSecond: number) {
    this.#apply = apply;
    this.#recordsPerSecond = recordsPerSecond;
  }

  steer(steering: Steering): void {
    this.#byFlags = { ...this.#byFlags, ...steering };
    this.#steer();
  }

  hold(isHeld: boolean): void {
    if (isHeld === this.#isHeld) return;
    this.#isHeld = isHeld;
    this.#steer();
  }

  #steer(): void {
    const { paused, recordsPerSecond, ...others } = this.#byFlags;
    this.#apply({
      ...others,
      paused: this.#isHeld || paused === true,
      recordsPerSecond: Math.min(recordsPerSecond ?? Infinity, this.#recordsPerSecond),
    });
  }
}
