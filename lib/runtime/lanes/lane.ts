/** One queue of a partition: records whose keys fall together, in the order of the log. */
import type { Dependency } from '../dependency';
import type { FetchedRecord } from '../../kafka/fetched-record';
import type { Gate } from '../failures/admission';
import type { Letter } from '../failures/failure-publisher';

/** Records are dropped from the front in blocks, so that taking one does not move all the others. */
const compactAt = 1024;

export type DoubtGate = Pick<Gate, 'turn' | 'isProvedSince'>;

/** Letters to be sent before anything else, and the records at the front, theirs among them. */
export interface Unsent {
  readonly letters: readonly Letter[];
  readonly unfinished: readonly FetchedRecord[];
  readonly error: Error;
}

interface Doubt {
  readonly dependency: Dependency;
  /** The gate's, at its last failure. */
  readonly turn: number;
  readonly contradicted: number;
}

/** Contradicted so often, a record that finds a dependency away is taken to fail for its own sake. */
const contradictionsMax = 3;

export class Lane {
  /** Without those that are done, which would keep the response alive that they view. */
  #records: (FetchedRecord | undefined)[] = [];
  #head = 0;
  /** How often a record has been given to the handler, for those that have been. */
  readonly attempts = new Map<number, number>();
  /** How often a record has failed for its own sake since it was fetched, and since when. */
  readonly failed = new Map<number, { readonly times: number; readonly firstAtMs: number }>();
  /** What a record has found away, when last, and how often others got their work done there in between. */
  readonly doubts = new Map<number, Doubt>();
  /** Since when it has not been time for a record, at every try. */
  readonly waitsSinceMs = new Map<number, number>();
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
  /** Its last failure was of what all others need as well: they go on, to see whether it is away for them. */
  isAlone = false;
  /** Queued for a slot, running, or waiting to try again. */
  busy = false;
  lingering = false;
  /** Will be looked at again when its first record is due. */
  waking = false;
  unsent: Unsent | null = null;
  /** Why it holds for a person to see, although it is tried again. */
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

  /** What may be handled together: a suspect is handled alone, so that the others are not blamed with it. */
  peek(count: number): FetchedRecord[] {
    const records = this.#records.slice(this.#head, this.#head + count) as FetchedRecord[];
    if (this.doubts.size === 0) return records;
    const suspect = records.findIndex(({ offset }) => this.#isSuspect(offset));
    return suspect < 0 ? records : records.slice(0, Math.max(1, suspect));
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

  /**
   * Call it whenever a record has found a dependency away.
   * @returns whether this time as well, and often enough before, others had got their work done there.
   */
  countDoubt(offset: number, dependency: Dependency, gate: DoubtGate): boolean {
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

  /** Nothing of it is to be remembered: it is done, or safe elsewhere. */
  forget(offset: number): void {
    const { attempts, failed, doubts, waitsSinceMs, rests, dueAtMs, decoded } = this;
    for (const map of [attempts, failed, doubts, waitsSinceMs, rests, dueAtMs, decoded]) {
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
