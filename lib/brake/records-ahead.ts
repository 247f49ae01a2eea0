/** Records that were read at a later place of the history than the database has reached: which ones, and how many. */
import type { HistoryPoint, Verdict } from './decide';

export interface JudgedRecord {
  readonly origin: HistoryPoint;
  readonly timestampMs: number;
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
}

/** So many records, of so many partitions, are not the mistake of one writer. */
const recordsMin = 3;
const partitionsMin = 2;
/** More are forgotten, the oldest first: everything waits long before. */
const rememberedMax = 10_000;

type Hold = Extract<Verdict, { readonly kind: 'hold' }>;

interface Ahead {
  readonly verdict: Hold;
  /** So many are ahead that it is not the mistake of one writer. */
  readonly isGeneral: boolean;
  /** The latest time of those that are remembered. */
  readonly newestMs: number;
}

export class RecordsAhead {
  readonly #held = new Map<string, Hold>();
  #newestMs = -Infinity;

  /** @returns undefined for a record that is not, and never was, ahead. */
  judge(record: JudgedRecord, verdict: Verdict): Ahead | undefined {
    const place = placeOf(record);
    if (verdict.kind === 'hold' && verdict.sticky) {
      this.#remember(place, verdict);
      this.#newestMs = Math.max(this.#newestMs, record.timestampMs);
    }
    // An older copy grows past the doubtful place by itself.
    const held = this.#held.get(place);
    return held && { verdict: held, isGeneral: this.#isGeneral(), newestMs: this.#newestMs };
  }

  has(record: JudgedRecord): boolean {
    return this.#held.size > 0 && this.#held.has(placeOf(record));
  }

  reset(): void {
    this.#held.clear();
    this.#newestMs = -Infinity;
  }

  #remember(place: string, verdict: Hold): void {
    if (!this.#held.has(place)) this.#held.set(place, verdict);
    if (this.#held.size <= rememberedMax) return;
    const oldest = this.#held.keys().next().value;
    if (oldest !== undefined) this.#held.delete(oldest);
  }

  #isGeneral(): boolean {
    if (this.#held.size < recordsMin) return false;
    const partitions = [...this.#held.keys()].map((place) =>
      place.slice(0, place.lastIndexOf('/')),
    );
    return new Set(partitions).size >= partitionsMin;
  }
}

const placeOf = ({ topic, partition, offset }: JudgedRecord): string =>
  `${topic}/${partition}/${offset}`;
