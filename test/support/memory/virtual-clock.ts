/** Time that passes as fast as its work can be done; the same work always takes the same time. */
import type { Clock } from '../../../lib/process/clock';

interface Sleeper {
  readonly atMs: number;
  wake(): void;
}

export class VirtualClock implements Clock {
  #nowMs = 0;
  readonly #sleepers: Sleeper[] = [];

  nowMs(): number {
    return this.#nowMs;
  }

  sleep(ms: number): Promise<void> {
    return new Promise((wake) => {
      const atMs = this.#nowMs + ms;
      // Behind those that are due at the same moment.
      const index = this.#sleepers.findLastIndex((other) => other.atMs <= atMs);
      this.#sleepers.splice(index + 1, 0, { atMs, wake });
    });
  }

  every(ms: number, tick: () => void): () => void {
    let isOver = false;
    const wait = (): void =>
      void this.sleep(ms).then(() => {
        if (isOver) return;
        tick();
        wait();
      });
    wait();
    return () => (isOver = true);
  }

  pass(ms: number): Promise<void> {
    return this.run(this.#nowMs + ms);
  }

  /** Lets time pass until `untilMs`; later timers stay asleep. */
  async run(untilMs: number): Promise<void> {
    for (;;) {
      // All work that is possible now is done before time goes on.
      await new Promise(setImmediate);
      const next = this.#sleepers[0];
      if (!next || next.atMs > untilMs) break;
      this.#sleepers.shift();
      this.#nowMs = next.atMs;
      next.wake();
    }
    this.#nowMs = untilMs;
  }
}
