/** Measures how many artifacts or builds a second a process finishes, over the last minute, and the bytes it has freed. */
import type { Clock } from '../process/clock';

const windowMs = 60_000;
const bucketMs = 1_000;

export class ItemMeter {
  readonly #startedAtMs: number;
  /** By second. */
  readonly #done = new Map<number, number>();

  #bytesFreed = 0;

  constructor(private readonly clock: Pick<Clock, 'nowMs'>) {
    this.#startedAtMs = clock.nowMs();
  }

  add(count: number): void {
    const bucket = Math.floor(this.clock.nowMs() / bucketMs);
    this.#done.set(bucket, (this.#done.get(bucket) ?? 0) + count);
    this.#forget();
  }

  free(bytes: number): void {
    this.#bytesFreed += bytes;
  }

  /** Since it was made. */
  get bytesFreed(): number {
    return this.#bytesFreed;
  }

  /** With one decimal. */
  perSecond(): number {
    this.#forget();
    const lastedMs = Math.min(windowMs, this.clock.nowMs() - this.#startedAtMs);
    if (lastedMs < bucketMs) return 0;
    const items = [...this.#done.values()].reduce((sum, count) => sum + count, 0);
    return Math.round((10_000 * items) / lastedMs) / 10;
  }

  #forget(): void {
    const before = Math.floor((this.clock.nowMs() - windowMs) / bucketMs);
    for (const bucket of this.#done.keys()) if (bucket < before) this.#done.delete(bucket);
  }
}
