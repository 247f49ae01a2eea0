/** Limits deletions a minute: this process's share follows the partitions that it holds. */

export class DeletionBudget {
  readonly #perMinuteMax: number;
  readonly #partitionsTotal: () => number;
  readonly #assigned = new Set<number>();
  #allowance = 0;
  #filledAtMs = 0;

  /** @param limits `partitionsTotal` is read at each call: partitions may be added. */
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
   * Takes `count` deletions, or none and returns how many milliseconds to wait. A batch may overdraw: the next one
   * waits until the debt is paid, so the average holds for any size of batch.
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

  /** Gives back deletions that were taken but not done. */
  giveBack(count: number): void {
    this.#allowance += count;
  }

  #perMs(): number {
    // A record may come between the assignment and its callback: then one partition counts.
    const held = Math.max(1, this.#assigned.size);
    return (this.#perMinuteMax * Math.min(1, held / this.#partitionsTotal())) / 60_000;
  }
}
