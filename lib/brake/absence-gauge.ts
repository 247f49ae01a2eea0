/**
 * The share of artifacts named by records whose rows were already gone while their objects were not: a high one is a
 * sign of a wrong database, or of records that were not read from one.
 *
 * It counts artifacts, since a record may name a thousand, and only those that prove something: rows deleted now, and
 * rows that are missing without an explanation. Other artifacts of a record, however often they are repeated, do not
 * dilute the share.
 */

/**
 * How a record came: read for the first time; repeated (a repair sweep, a replay, a redrive, a second try); through a
 * retry topic, where another instance may have deleted the rows while S3 refused the objects; or from a place where an
 * earlier holder of the partition may have been killed between rows and objects.
 */
export type Arrival = 'first' | 'again' | 'retried' | 'repeated';

interface Limit {
  readonly shareMax: number;
  /** Enough to decide: so many records, or so many artifacts. */
  readonly records: number;
  readonly artifacts: number;
}

const limits: Readonly<Record<Arrival, Limit>> = {
  first: { shareMax: 0.2, records: 100, artifacts: 1_000 },
  again: { shareMax: 0.5, records: 200, artifacts: 2_000 },
  // FAILURES_IN_A_ROW_MAX lets a hundred whole records through to the retry topics while S3 refuses all.
  retried: { shareMax: 0.5, records: 200, artifacts: Infinity },
  // As many as twelve instances with four micro-batches each can have in progress.
  repeated: { shareMax: 0.5, records: Infinity, artifacts: 50_000 },
};

/** How many times the amount that is enough to decide is remembered. */
const rememberedTimes = 5;

/** Ids that we deleted lately ourselves: a second record that names them rightly finds nothing. */
const rememberedIdsMax = 200_000;

export class AbsenceGauge {
  readonly #windows = {
    first: new Window(limits.first),
    again: new Window(limits.again),
    retried: new Window(limits.retried),
    repeated: new Window(limits.repeated),
  } satisfies Record<Arrival, Window>;
  readonly #counts: boolean;
  #deleted = new Set<number>();
  #deletedBefore = new Set<number>();

  /** @param counts false where an operator has said that rows are gone while their objects are there: nothing is held. */
  constructor(counts = true) {
    this.#counts = counts;
  }

  /** Ids whose rows this process has deleted: that explains their absence. */
  rememberDeleted(ids: Iterable<number>): void {
    for (const id of ids) this.#deleted.add(id);
    if (this.#deleted.size < rememberedIdsMax / 2) return;
    this.#deletedBefore = this.#deleted;
    this.#deleted = new Set();
  }

  wasDeletedHere(id: number): boolean {
    return this.#deleted.has(id) || this.#deletedBefore.has(id);
  }

  /**
   * One record; of repeated ones, several.
   * @param deleted its artifacts whose rows existed, and are deleted now.
   * @param absent artifacts whose rows are missing without an explanation.
   */
  add(arrival: Arrival, deleted: number, absent: number): void {
    if (this.#counts && deleted + absent > 0) this.#windows[arrival].add(deleted + absent, absent);
  }

  /** Returns nothing before there is enough to decide: a single deleted project would look like a disaster. */
  tooMany(): string | undefined {
    for (const window of Object.values(this.#windows)) {
      const reason = window.tooMany();
      if (reason !== undefined) return reason;
    }
    return undefined;
  }

  reset(): void {
    for (const window of Object.values(this.#windows)) window.reset();
  }
}

class Window {
  readonly #records: { readonly judged: number; readonly absent: number }[] = [];
  #judged = 0;
  #absent = 0;

  constructor(private readonly limit: Limit) {}

  add(judged: number, absent: number): void {
    this.#records.push({ judged, absent });
    this.#judged += judged;
    this.#absent += absent;
    while (this.#isLong()) {
      const oldest = this.#records.shift();
      this.#judged -= oldest?.judged ?? 0;
      this.#absent -= oldest?.absent ?? 0;
    }
  }

  tooMany(): string | undefined {
    const { records, artifacts, shareMax } = this.limit;
    if (this.#records.length < records && this.#judged < artifacts) return undefined;
    if (this.#absent <= this.#judged * shareMax) return undefined;
    return `${this.#absent} of the ${this.#judged} artifacts in the last ${this.#records.length} records that tell anything were not in the database, while their objects are there: over ${shareMax * 100} %. Nothing is deleted until this is found to be the right database, and the records its own, and \`afterbuild accept-database --reason "…" --yes\` says so.`;
  }

  reset(): void {
    this.#records.length = 0;
    this.#judged = 0;
    this.#absent = 0;
  }

  /** Enough remains without the oldest record. */
  #isLong(): boolean {
    const { records, artifacts } = this.limit;
    if (this.#records.length > records) return true;
    const rest = this.#judged - (this.#records[0]?.judged ?? 0);
    return rest >= artifacts * rememberedTimes;
  }
}
