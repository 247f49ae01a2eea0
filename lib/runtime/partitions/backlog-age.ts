/**
 * Since when a partition is known to hold records that have not been fetched: nobody knows when they were
 * written, but they are at least as old as that.
 */
export class Unfetched {
  /** Everything below is known since then. */
  #below: number;
  #sinceMs: number;

  constructor(highWatermark: number, nowMs: number) {
    this.#below = highWatermark;
    this.#sinceMs = nowMs;
  }

  /** @param highWatermark what the fetch that led up to `taken` has said of the partition's end. */
  took(taken: number, highWatermark: number, nowMs: number): void {
    if (taken < this.#below) return;
    this.#below = highWatermark;
    this.#sinceMs = nowMs;
  }

  /** @param end what Kafka itself says of the end, while intake stands at `taken`. */
  looked(taken: number, end: number, nowMs: number): void {
    if (taken >= this.#below && end > taken) this.took(taken, end, nowMs);
  }

  /** @returns null when all of them have been fetched. */
  sinceMs(taken: number): number | null {
    return taken < this.#below ? this.#sinceMs : null;
  }
}
