/** A partition's log, and the fate of its records: the truth that the runtime is compared with. */
import type { TopicPartition } from '../../lib/kafka/client-port';
import { FetchedRecord, type FetchedParts } from '../../lib/kafka/fetched-record';

export class LoggedRecord extends FetchedRecord {
  /** @param previousOfKey the offset of the record of the same key before it, -1 for none. */
  constructor(
    parts: FetchedParts,
    readonly previousOfKey: number,
  ) {
    super(parts);
  }
}

interface Entry {
  readonly offset: number;
  /** Null is a transaction marker. */
  readonly record: LoggedRecord | null;
}

export interface LogRead {
  readonly records: readonly LoggedRecord[];
  readonly firstOffset: number | null;
  readonly lastOffset: number;
}

export class SimulatedLog {
  readonly #entries: Entry[] = [];
  readonly #lastOfKey = new Map<string, number>();
  readonly byOffset = new Map<number, LoggedRecord>();
  /** Offsets of records whose effect is complete, by any process. */
  readonly effects = new Set<number>();
  /** Offsets of records that have a copy on a retry or dead-letter topic. */
  readonly copied = new Set<number>();
  /** For a topic itself: its dead-lettered records, and how often each failed for its own reasons. */
  readonly dead = new Set<number>();
  readonly ownFailures = new Map<number, number>();
  /** Offset of the next record; above the last one's when the log ends in a gap. */
  end = 0;
  readonly start = 0;

  constructor(readonly at: TopicPartition) {}

  append(parts: Omit<FetchedParts, 'offset'>): LoggedRecord {
    const key = parts.key?.toString() ?? null;
    const previousOfKey = key === null ? -1 : (this.#lastOfKey.get(key) ?? -1);
    const logged = new LoggedRecord({ ...parts, offset: this.end }, previousOfKey);
    if (key !== null) this.#lastOfKey.set(key, logged.offset);
    this.#entries.push({ offset: this.end, record: logged });
    this.byOffset.set(this.end, logged);
    this.end += 1;
    return logged;
  }

  appendMarker(): void {
    this.#entries.push({ offset: this.end, record: null });
    this.end += 1;
  }

  /** Offsets that compaction has left empty. */
  appendGap(offsets: number): void {
    this.end += offsets;
  }

  /** @returns null when there is nothing at or above `from`. */
  read(from: number, maxEntries: number): LogRead | null {
    if (from >= this.end) return null;
    const first = this.#indexOf(from);
    const entries = this.#entries.slice(first, first + maxEntries);
    const isAll = first + entries.length === this.#entries.length;
    return {
      records: entries.flatMap(({ record }) => (record ? [record] : [])),
      firstOffset: entries[0]?.offset ?? null,
      lastOffset: isAll ? this.end - 1 : entries.at(-1)!.offset,
    };
  }

  /** The first entry at or above the offset. */
  #indexOf(offset: number): number {
    let low = 0;
    let high = this.#entries.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#entries[middle]!.offset < offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
