/** The cap of deletions a minute: this process's share is that of the partitions it holds. */

export class DeletionBudget {
  readonly #perMinuteMax: number;
  readonly #partitionsTotal: () => number;
  readonly #assigned = new Set<number>();
  #allowance = 0;
  #filledAtMs = 0;

  /** @param limits `partitionsTotal` is asked at each take: partitions may be added. */
  constructor(limits: { readonly perMinuteMax: number; readonly partitionsTotal: () => number }) {
    this.#perMinuteMax = limits.perMinuteMax;
    this.#partitionsTotal = limits.partitionsTotal;
  }

  assigned(partition: number): void {
    this.#assigned.add(partition);
  }

  lost(partition: number): void {
    this.#assigned.delete(partition);
  }

  /**
   * Takes `count` deletions, or none and says how many milliseconds to wait. A batch may overdraw:
   * the next one waits until the debt is paid, so the average holds whatever the batch's size.
   */
  take(count: number, nowMs: number): number {
    const perMs = this.#perMs();
    const burst = perMs * 1_000;
    const gained = Math.max(0, nowMs - this.#filledAtMs) * perMs;
    this.#allowance = Math.min(burst, this.#allowance + gained);
    this.#filledAtMs = nowMs;
    if (this.#allowance > 0 || burst === 0) {
      this.#allowance -= count;
      return 0;
    }
    return Math.max(1, Math.ceil((1 - this.#allowance) / perMs));
  }

  /** Gives back what was taken but not deleted. */
  giveBack(count: number): void {
    this.#allowance += count;
  }

  #perMs(): number {
    // Between assignment and its announcement a record may come: it counts as one partition.
    const held = Math.max(1, this.#assigned.size);
    return (this.#perMinuteMax * Math.min(1, held / this.#partitionsTotal())) / 60_000;
  }
}
