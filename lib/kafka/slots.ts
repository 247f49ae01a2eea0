/** Limits how many micro-batches run at once in the process; who waits longest is next. */
export class Slots {
  #limit: number;
  #taken = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(size: number) {
    this.#limit = size;
  }

  get limit(): number {
    return this.#limit;
  }

  setLimit(limit: number): void {
    this.#limit = Math.max(1, limit);
    this.#admit();
  }

  /** Calls `begin` now or, when all slots are taken, as soon as one is given back. */
  acquire(begin: () => void): void {
    this.#waiting.push(begin);
    this.#admit();
  }

  release(): void {
    this.#taken -= 1;
    this.#admit();
  }

  #admit(): void {
    while (this.#taken < this.#limit) {
      const next = this.#waiting.shift();
      if (!next) return;
      this.#taken += 1;
      next();
    }
  }
}
