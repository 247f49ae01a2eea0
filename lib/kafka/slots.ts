/** Limits how many micro-batches run at once in the process; who waits longest is next. */
export class Slots {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(size: number) {
    this.#free = size;
  }

  /** Calls `begin` now or, when all slots are taken, as soon as one is given back. */
  acquire(begin: () => void): void {
    if (this.#free > 0) {
      this.#free -= 1;
      begin();
    } else {
      this.#waiting.push(begin);
    }
  }

  release(): void {
    const next = this.#waiting.shift();
    if (next) next();
    else this.#free += 1;
  }
}
