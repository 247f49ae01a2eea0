/**
 * Proves by the rows themselves that changes arrive: rows that were committed to a table since the last
 * look must have brought as many records to its topic once the stream has passed them. Pure.
 *
 * It needs no limit of time: the slot's position says when a row has been streamed. And it is a lower
 * bound only: updates and markers of transactions bring records, too, so that a few lost changes among
 * many may pass. What it finds is a table, a partition of it or a topic from which nothing comes.
 */

export interface ArrivalLook {
  /** Where the slot stands, in bytes of log; read first. Null without a slot. */
  readonly confirmedLsn: number | null;
  /** Ends of the topic's partitions, added up; read after it. Null where Kafka does not say. */
  readonly topicEnd: number | null;
  /** Rows committed since the look before, by primary key; a lower bound. Read last. */
  readonly newRows: number;
  /** End of the log when they were seen; null on a standby. */
  readonly lsn: number | null;
}

interface Claim {
  readonly rows: number;
  /** Once the slot stands here, they have been streamed. */
  readonly lsn: number;
  /** Read before any of them could be seen. */
  readonly endBefore: number;
}

export class ArrivalProbe {
  #claim: Claim | null = null;
  #lastEnd: number | null = null;
  #problem: string | null = null;

  constructor(
    private readonly table: string,
    private readonly topic: string,
  ) {}

  /** @returns what is wrong, as a sentence; null while nothing is. */
  observe(look: ArrivalLook): string | null {
    const { topicEnd } = look;
    if (topicEnd === null) return this.#problem;
    if (this.#lastEnd !== null && topicEnd < this.#lastEnd) {
      this.reset();
      this.#lastEnd = topicEnd;
      return `The topic ${this.topic} was made anew or cut: what nobody had read of it is lost.`;
    }
    // Something arrives again; whether everything does, the next claim tells.
    if (this.#lastEnd !== null && topicEnd > this.#lastEnd) this.#problem = null;
    this.#judge(look, topicEnd);
    this.#begin(look);
    this.#lastEnd = topicEnd;
    return this.#problem;
  }

  /** What was wrong has been mended: the next look begins anew. */
  reset(): void {
    this.#claim = null;
    this.#lastEnd = null;
    this.#problem = null;
  }

  #judge({ confirmedLsn }: ArrivalLook, topicEnd: number): void {
    const claim = this.#claim;
    if (claim === null || confirmedLsn === null || confirmedLsn < claim.lsn) return;
    this.#claim = null;
    const arrived = topicEnd - claim.endBefore;
    this.#problem =
      arrived >= claim.rows
        ? null
        : `${claim.rows} rows that were added to ${this.table} have been streamed, but ${arrived} records ` +
          `have arrived on ${this.topic}: look for what the publication, the connector or its transforms leave out.`;
  }

  #begin({ newRows, lsn }: ArrivalLook): void {
    if (this.#claim !== null || this.#lastEnd === null || lsn === null || newRows === 0) return;
    this.#claim = { rows: newRows, lsn, endBefore: this.#lastEnd };
  }
}
