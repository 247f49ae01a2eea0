/** One lane: a queue of records of one partition whose keys have the same hash, in the order of the log. */
import type { FetchedRecord } from '../../kafka/fetched-record';
import type { FailedRecord } from '../failures/failure-publisher';
import { newSpell, type FailureSpell } from './failure-spell';
import { isSuspect, newHistory, type RecordHistory } from './record-history';

/** Records are dropped from the front in blocks, so that taking one does not move all the others. */
const compactAt = 1024;

/** Failed records whose copies must be sent before the lane goes on; `unfinished` are all records at its front. */
export interface Unsent {
  readonly failedRecords: readonly FailedRecord[];
  readonly unfinished: readonly FetchedRecord[];
  readonly error: Error;
}

/** What a lane does at the moment. */
type LaneActivity =
  | { readonly kind: 'idle' }
  /** Waits for more records, so that its micro-batch becomes larger. */
  | { readonly kind: 'lingering' }
  /** Checked again when its first record is due. */
  | { readonly kind: 'not-due' }
  /** Queued for a slot, running, or waiting for a retry. */
  | { readonly kind: 'busy' }
  /** Its records wait for an operator, and the partition's prefix with them. */
  | { readonly kind: 'halted'; readonly by: Error };

/** One object each: a change of activity allocates nothing. */
export const activities = {
  idle: { kind: 'idle' },
  lingering: { kind: 'lingering' },
  notDue: { kind: 'not-due' },
  busy: { kind: 'busy' },
} as const satisfies Record<string, LaneActivity>;

export class Lane {
  /** Without finished records, which would keep the response in memory that they view. */
  #records: (FetchedRecord | undefined)[] = [];
  #head = 0;
  /** Of the records that failed, wait for their time or were decoded ahead; empty as long as all goes well. */
  readonly #histories = new Map<number, RecordHistory>();
  activity: LaneActivity = activities.idle;
  /** Null while all goes well. */
  failing: FailureSpell | null = null;
  unsent: Unsent | null = null;

  constructor(readonly index: number) {}

  get length(): number {
    return this.#records.length - this.#head;
  }

  get failures(): number {
    return this.failing?.failures ?? 0;
  }

  /** It begins as soon as it has work that may begin. */
  get isIdle(): boolean {
    return this.activity.kind === 'idle' || this.activity.kind === 'not-due';
  }

  /** Why it needs an operator; null while it does not. */
  get stoppedBy(): Error | null {
    return this.activity.kind === 'halted' ? this.activity.by : (this.failing?.stuckBy ?? null);
  }

  /** Nothing of it is tried again before its partition is assigned anew. */
  halt(by: Error): void {
    this.activity = { kind: 'halted', by };
    this.failing = null;
  }

  /** It does nothing any more, unless it has been halted meanwhile. */
  rest(): void {
    if (this.activity.kind !== 'halted') this.activity = activities.idle;
  }

  /**
   * A micro-batch left something to try again.
   * @param hasProgress some of its work succeeded: the dependency answers, so the pauses start again from the shortest.
   */
  countFailure(nowMs: number, hasProgress: boolean): FailureSpell {
    this.failing ??= newSpell(nowMs);
    const { failing } = this;
    failing.failures = hasProgress && failing.failures > 0 ? 1 : failing.failures + 1;
    return failing;
  }

  /** @returns the spell of failures that ends with this success. */
  countSuccess(): FailureSpell | null {
    const { failing } = this;
    this.failing = null;
    return failing;
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
