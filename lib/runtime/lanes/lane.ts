/** One lane: a queue of records of one partition whose keys have the same hash, in the order of the log. */
import type { Dependency } from '../dependency';
import type { FetchedRecord } from '../../kafka/fetched-record';
import type { Admission } from '../failures/admission';
import type { FailedRecord } from '../failures/failure-publisher';

/** Records are dropped from the front in blocks, so that taking one does not move all the others. */
const compactAt = 1024;

export type OthersSuccess = Pick<Admission, 'turn' | 'isProvedSince'>;

/** Failed records to be sent before anything else, and the records at the front, those among them. */
export interface Unsent {
  readonly failedRecords: readonly FailedRecord[];
  readonly unfinished: readonly FetchedRecord[];
  readonly error: Error;
}

interface Doubt {
  readonly dependency: Dependency;
  /** The turn of the admission at its last failure. */
  readonly turn: number;
  readonly contradicted: number;
}

/**
 * A record that finds a dependency unavailable while others succeed there so often is taken to fail for its own
 * reasons.
 */
const contradictionsMax = 3;

export class Lane {
  /** Without finished records, which would keep the response in memory that they view. */
  #records: (FetchedRecord | undefined)[] = [];
  #head = 0;
  /** How often each record was passed to the handler, for those that were. */
  readonly attempts = new Map<number, number>();
  /** How often each record failed for its own reasons since it was fetched, and since when. */
  readonly failed = new Map<number, { readonly times: number; readonly firstAtMs: number }>();
  /** The dependency that a record has found unavailable, when last, and how often others succeeded there in between. */
  readonly doubts = new Map<number, Doubt>();
  /** Since when each try of a record came too early. */
  readonly waitsSinceMs = new Map<number, number>();
  /** The rest of a batch record that was done in part. */
  readonly rests = new Map<number, unknown>();
  /** A record of a retry topic is not due before then. */
  readonly dueAtMs = new Map<number, number>();
  /** Decoded values of records at the front that are not finished. */
  readonly decoded = new Map<number, unknown>();
  /** Micro-batches in a row that left something to try again. */
  failures = 0;
  failingSinceMs = 0;
  /** Why it fails, as far as that was logged in this spell of failures. */
  readonly loggedReasons = new Set<string>();
  /** The dependencies that it found unavailable, beyond those that every record needs. */
  readonly missed = new Set<Dependency>();
  /** Failed on a shared dependency; the other lanes may still probe it. */
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
    if (this.doubts.size === 0) return records;
    const suspect = records.findIndex(({ offset }) => this.#isSuspect(offset));
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

  /** How often the record has failed for its own reasons, this time included. */
  countFailure(offset: number, nowMs: number): number {
    const { times, firstAtMs } = this.failed.get(offset) ?? { times: 0, firstAtMs: nowMs };
    this.failed.set(offset, { times: times + 1, firstAtMs });
    return times + 1;
  }

  /**
   * The caller reports every time that a record has found a dependency unavailable.
   * @returns whether others succeeded there meanwhile, this time and often enough before.
   */
  countDoubt(offset: number, dependency: Dependency, gate: OthersSuccess): boolean {
    const before = this.doubts.get(offset);
    const isSame = before?.dependency === dependency;
    const isContradicted = isSame && gate.isProvedSince(dependency, before.turn);
    const contradicted = (isSame ? before.contradicted : 0) + (isContradicted ? 1 : 0);
    this.doubts.set(offset, { dependency, turn: gate.turn, contradicted });
    return isContradicted && contradicted >= contradictionsMax;
  }

  #isSuspect(offset: number): boolean {
    return (this.doubts.get(offset)?.contradicted ?? 0) >= contradictionsMax;
  }

  /** Forgets the record: it is finished, or copied elsewhere. */
  forget(offset: number): void {
    const { attempts, failed, doubts, waitsSinceMs, rests, dueAtMs, decoded } = this;
    for (const map of [attempts, failed, doubts, waitsSinceMs, rests, dueAtMs, decoded]) {
      if (map.size > 0) map.delete(offset);
    }
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
