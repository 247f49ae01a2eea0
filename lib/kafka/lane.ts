/** One queue of a partition: records whose keys fall together, in the order of the log. */
import type { Dependency } from './dependency';
import type { FetchedRecord } from './fetched-record';

/** Records are dropped from the front in blocks, so that taking one does not move all the others. */
const compactAt = 1024;

export class Lane {
  /** Without those that are done, which would keep the response alive that they view. */
  #records: (FetchedRecord | undefined)[] = [];
  #head = 0;
  /** How often a record has been given to the handler, for those that have been. */
  readonly attempts = new Map<number, number>();
  /** How often a record has failed for its own sake since it was fetched, and since when. */
  readonly failed = new Map<number, { readonly times: number; readonly firstAtMs: number }>();
  /** What is left of a batch record that has been done in part. */
  readonly rests = new Map<number, unknown>();
  /** Before then a record of a retry topic is not due. */
  readonly dueAtMs = new Map<number, number>();
  /** Values of records at the front that have been decoded but not handled for good. */
  readonly decoded = new Map<number, unknown>();
  /** Micro-batches in a row after which something had to be tried again. */
  failures = 0;
  failingSinceMs = 0;
  /** Why it fails, as far as it has been logged in this spell. */
  readonly toldReasons = new Set<string>();
  /** What it has found away, beyond what every record needs. */
  readonly missed = new Set<Dependency>();
  /** Queued for a slot, running, or waiting to try again. */
  busy = false;
  lingering = false;
  /** Will be looked at again when its first record is due. */
  waking = false;
  /** Why it holds for a person to see, although it is tried again. */
  stuckBy: Error | null = null;
  haltedBy: Error | null = null;

  constructor(readonly index: number) {}

  get length(): number {
    return this.#records.length - this.#head;
  }

  push(record: FetchedRecord): void {
    this.#records.push(record);
  }

  first(): FetchedRecord | undefined {
    return this.#records[this.#head];
  }

  peek(count: number): FetchedRecord[] {
    return this.#records.slice(this.#head, this.#head + count) as FetchedRecord[];
  }

  /** Those from this offset on wait: they let go of the response that brought them. */
  keepFrom(offset: number): void {
    for (let index = this.#records.length - 1; index >= this.#head; index -= 1) {
      const record = this.#records[index];
      if (!record || record.offset < offset) return;
      record.keep();
    }
  }

  /** How often it has failed for its own sake, this time included. */
  countFailure(offset: number, nowMs: number): number {
    const { times, firstAtMs } = this.failed.get(offset) ?? { times: 0, firstAtMs: nowMs };
    this.failed.set(offset, { times: times + 1, firstAtMs });
    return times + 1;
  }

  /** Nothing of it is to be remembered: it is done, or safe elsewhere. */
  forget(offset: number): void {
    for (const map of [this.attempts, this.failed, this.rests, this.dueAtMs, this.decoded]) {
      if (map.size > 0) map.delete(offset);
    }
  }

  /** Takes `count` records off the front and puts back those that are not finished, in order. */
  replaceFront(count: number, unfinished: readonly FetchedRecord[]): void {
    const head = this.#head + count - unfinished.length;
    this.#records.fill(undefined, this.#head, head);
    this.#head = head;
    unfinished.forEach((record, index) => (this.#records[this.#head + index] = record));
    if (this.#head < compactAt && this.#head < this.#records.length) return;
    this.#records = this.#records.slice(this.#head);
    this.#head = 0;
  }
}

/** FNV-1a. A record without a key may go anywhere: it follows its offset. */
export function laneOf(key: Buffer | null, offset: number, lanes: number): number {
  if (lanes === 1) return 0;
  if (key === null) return offset % lanes;
  let hash = 0x811c9dc5;
  // An iterator costs ten times as much.
  for (let at = 0; at < key.length; at += 1) hash = Math.imul(hash ^ (key[at] ?? 0), 0x01000193);
  return ((hash ^ (hash >>> 15)) >>> 0) % lanes;
}
