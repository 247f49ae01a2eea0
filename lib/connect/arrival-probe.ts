/**
 * Proves by the rows themselves that changes arrive: rows that were committed to a table since the last check must have
 * brought as many records to its topic, once the stream has passed them. Pure.
 *
 * It needs no time limit: the slot's position shows when a row has been streamed. It is only a lower bound: updates and
 * transaction markers bring records, too, so that a few lost changes among many may go unnoticed. It detects a table,
 * one of its partitions or a topic from which nothing comes.
 */

export interface ArrivalLook {
  /** Position of the slot, in bytes of log; read first. Null without a slot. */
  readonly confirmedLsn: number | null;
  /** Sum of the ends of the topic's partitions; read after it. Null where Kafka does not answer. */
  readonly topicEnd: number | null;
  /** Rows committed since the previous check, by primary key; a lower bound. Read last. */
  readonly newRows: number;
  /** End of the log when they were seen; null on a standby. */
  readonly lsn: number | null;
}

interface Claim {
  readonly rows: number;
  /** Once the slot has this position, they have been streamed. */
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
      return `The topic ${this.topic} was created anew or truncated: records that were not read before are lost.`;
    }
    // Something arrives again; the next check shows whether everything does.
    if (this.#lastEnd !== null && topicEnd > this.#lastEnd) this.#problem = null;
    this.#judge(look, topicEnd);
    this.#begin(look);
    this.#lastEnd = topicEnd;
    return this.#problem;
  }

  /** The fault has been repaired: the next check starts anew. */
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
