/**
 * Since when a partition is known to hold records that have not been fetched: their write time is unknown, but they are
 * at least that old.
 */
export class BacklogAge {
  /** Everything below has been known since then. */
  #below: number;
  #sinceMs: number;

  constructor(highWatermark: number, nowMs: number) {
    this.#below = highWatermark;
    this.#sinceMs = nowMs;
  }

  /** @param highWatermark the partition's end in the fetch that led up to `taken`. */
  took(taken: number, highWatermark: number, nowMs: number): void {
    if (taken < this.#below) return;
    this.#below = highWatermark;
    this.#sinceMs = nowMs;
  }

  /** @param end the end in Kafka's answer, while intake stands at `taken`. */
  looked(taken: number, end: number, nowMs: number): void {
    if (taken >= this.#below && end > taken) this.took(taken, end, nowMs);
  }

  /** @returns null when all of them have been fetched. */
  sinceMs(taken: number): number | null {
    return taken < this.#below ? this.#sinceMs : null;
  }
}
