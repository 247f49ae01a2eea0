/** One lane: a queue of records of one partition whose keys have the same hash, in the order of the log. */
import type { Dependency } from '../dependency';
import type { FetchedRecord } from '../../kafka/fetched-record';
import type { FailedRecord } from '../failures/failure-publisher';
import { isSuspect, newHistory, type RecordHistory } from './record-history';

/** Records are dropped from the front in blocks, so that taking one does not move all the others. */
const compactAt = 1024;

/** Failed records whose copies must be sent before the lane goes on; `unfinished` are all records at its front. */
export interface Unsent {
  readonly failedRecords: readonly FailedRecord[];
  readonly unfinished: readonly FetchedRecord[];
  readonly error: Error;
}

export class Lane {
  /** Without finished records, which would keep the response in memory that they view. */
  #records: (FetchedRecord | undefined)[] = [];
  #head = 0;
  /** Of the records that failed, wait for their time or were decoded ahead; empty as long as all goes well. */
  readonly #histories = new Map<number, RecordHistory>();
  /** Micro-batches in a row that left something to try again. */
  failures = 0;
  failingSinceMs = 0;
  /** Why it fails, as far as that was logged in this spell of failures. */
  readonly loggedReasons = new Set<string>();
  /** The dependencies that it found unavailable, beyond those that every record needs. */
  readonly missed = new Set<Dependency>();
  /** Failed on what every record needs, so a retry may probe it: no reason to pause intake (intake-hold.ts). */
  isAlone = false;
  /** Queued for a slot, running, or waiting for a retry. */
  busy = false;
  lingering = false;
  /** Checked again when its first record is due. */
  waking = false;
  unsent: Unsent | null = null;
  /** Why it needs an operator, although it still tries again. */
  stuckBy: Error | null = null;
  haltedBy: Error | null = null;

  constructor(readonly index: number) {}

  get length(): number {
    return this.#records.length - this.#head;
  }

  get isIdle(): boolean {
    return !this.busy && !this.lingering && this.haltedBy === null;
  }

  push(record: FetchedRecord): void {
    this.#records.push(record);
  }

  first(): FetchedRecord | undefined {
    return this.#records[this.#head];
  }

  /** Records that may be handled together: a suspect is handled alone, so that the others are not blamed with it. */
  peek(count: number): FetchedRecord[] {
    const records = this.#records.slice(this.#head, this.#head + count) as FetchedRecord[];
    if (this.#histories.size === 0) return records;
    const suspect = records.findIndex(({ offset }) => isSuspect(this.knownOf(offset)));
    return suspect < 0 ? records : records.slice(0, Math.max(1, suspect));
  }

  /** Records from this offset on wait: they let go of the response that they view. */
  keepFrom(offset: number): void {
    for (let index = this.#records.length - 1; index >= this.#head; index -= 1) {
      const record = this.#records[index];
      if (!record || record.offset < offset) return;
      record.keep();
    }
  }

  /** The history of the record at this offset, made when there is none. */
  historyOf(offset: number): RecordHistory {
    const known = this.#histories.get(offset);
    if (known !== undefined) return known;
    const history = newHistory();
    this.#histories.set(offset, history);
    return history;
  }

  /** The same without making one. */
  knownOf(offset: number): Readonly<RecordHistory> | undefined {
    return this.#histories.size === 0 ? undefined : this.#histories.get(offset);
  }

  /** Forgets the record: it is finished, or copied elsewhere. */
  forget(offset: number): void {
    if (this.#histories.size > 0) this.#histories.delete(offset);
  }

  /** Takes `count` records off the front and puts back the unfinished ones, in order. */
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

/** FNV-1a. A record without a key may go to any lane: its offset decides. */
export function laneOf(key: Buffer | null, offset: number, lanes: number): number {
  if (lanes === 1) return 0;
  if (key === null) return offset % lanes;
  let hash = 0x811c9dc5;
  // An iterator takes ten times as long.
  for (let at = 0; at < key.length; at += 1) hash = Math.imul(hash ^ (key[at] ?? 0), 0x01000193);
  return ((hash ^ (hash >>> 15)) >>> 0) % lanes;
}
