/**
 * Time that passes only when no work is left: a queue of events, run one by one.
 *
 * Between two events all pending promises are settled: `setImmediate` comes after the last microtask. So only the queue
 * decides what runs, and only the seed decides the queue.
 */
interface Event {
  readonly atMs: number;
  /** Of two events of one moment the one that was planned first is first. */
  readonly order: number;
  readonly act: () => void;
  cancelled: boolean;
}

const isBefore = (a: Event, b: Event): boolean =>
  a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);

const drained = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

export class VirtualTime {
  #nowMs = 0;
  #planned = 0;
  #ran = 0;
  readonly #queue: Event[] = [];

  get nowMs(): number {
    return this.#nowMs;
  }

  /** How many events have run. */
  get ran(): number {
    return this.#ran;
  }

  /** @returns a function that cancels it. */
  after(delayMs: number, act: () => void): () => void {
    const atMs = this.#nowMs + Math.max(0, delayMs);
    const event = { atMs, order: this.#planned, act, cancelled: false };
    this.#planned += 1;
    this.#push(event);
    return () => (event.cancelled = true);
  }

  /** @throws Error when it takes longer than `limitMs` of virtual time, or nothing is planned any more. */
  async until(claim: string, condition: () => boolean, limitMs: number): Promise<void> {
    const giveUpAtMs = this.#nowMs + limitMs;
    for (;;) {
      await drained();
      if (condition()) return;
      const event = this.#pop();
      if (!event || event.atMs > giveUpAtMs) {
        throw new Error(`did not happen within ${limitMs} ms of virtual time: ${claim}`);
      }
      this.#nowMs = event.atMs;
      this.#ran += 1;
      event.act();
    }
  }

  #push(event: Event): void {
    const queue = this.#queue;
    let at = queue.push(event) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = queue[parent]!;
      if (!isBefore(event, above)) break;
      queue[at] = above;
      at = parent;
    }
    queue[at] = event;
  }

  #pop(): Event | undefined {
    for (;;) {
      const first = this.#queue[0];
      const last = this.#queue.pop();
      if (!first || !last) return undefined;
      if (first !== last) this.#sink(last);
      if (!first.cancelled) return first;
    }
  }

  #sink(event: Event): void {
    const queue = this.#queue;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= queue.length) break;
      if (child + 1 < queue.length && isBefore(queue[child + 1]!, queue[child]!)) child += 1;
      if (!isBefore(queue[child]!, event)) break;
      queue[at] = queue[child]!;
      at = child;
    }
    queue[at] = event;
  }
}
