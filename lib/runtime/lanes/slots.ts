/**
 * Limits how many micro-batches run at once in the process, and shares the slots out between partitions.
 *
 * A free slot goes to the partition whose last one is longest ago: sixteen ready lanes of one partition count as much
 * as a single lane of another. Within a partition the first to ask is first. The limit may change at any time. Each
 * cause sets a limit of its own, and the lowest holds. A limit below what runs interrupts nothing, but no micro-batch
 * begins until enough have ended.
 */
export class Slots {
  readonly #size: number;
  readonly #limits = new Map<string, number>();
  /** Partitions with a waiting lane, the next one first. */
  readonly #waiting = new Map<string, (() => void)[]>();
  #running = 0;
  #handingOut = false;

  /** @param size the limit that no cause can raise. */
  constructor(size: number) {
    this.#size = size;
  }

  get limit(): number {
    return Math.min(this.#size, ...this.#limits.values());
  }

  /** The limit without any cause that lowers it. */
  get size(): number {
    return this.#size;
  }

  get running(): number {
    return this.#running;
  }

  /** @param limit null removes the limit of this cause. */
  setLimit(limit: number | null, cause = 'runtime'): void {
    if (limit === null) this.#limits.delete(cause);
    else this.#limits.set(cause, Math.max(1, limit));
    this.#handOut();
  }

  /**
   * Calls `begin` now or, when all slots are taken, as soon as it is its partition's turn. `begin` must not throw; the
   * caller gives the slot back with one `release`.
   */
  acquire(partitionKey: string, begin: () => void): void {
    const queue = this.#waiting.get(partitionKey);
    if (queue) queue.push(begin);
    else this.#waiting.set(partitionKey, [begin]);
    this.#handOut();
  }

  release(): void {
    this.#running -= 1;
    this.#handOut();
  }

  /** `begin` may release at once, or ask again: the round that already runs deals with that. */
  #handOut(): void {
    if (this.#handingOut) return;
    this.#handingOut = true;
    try {
      while (this.#running < this.limit) {
        const begin = this.#takeNext();
        if (!begin) return;
        this.#running += 1;
        begin();
      }
    } finally {
      this.#handingOut = false;
    }
  }

  #takeNext(): (() => void) | undefined {
    const next = this.#waiting.entries().next();
    if (next.done === true) return undefined;
    const [partitionKey, queue] = next.value;
    const begin = queue.shift();
    // To the end of the round, or out of it.
    this.#waiting.delete(partitionKey);
    if (queue.length > 0) this.#waiting.set(partitionKey, queue);
    return begin;
  }
}
