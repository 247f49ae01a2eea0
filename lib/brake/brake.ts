/**
 * The brake: stops all deletions while the database or the bucket may be the wrong one, and remembers why
 * (docs/adr/0004).
 */
import type { DatabaseIdentity } from '../stores/postgres/identity';
import { AbsenceGauge } from './absence-gauge';
import { Hold } from './hold';
import { type JudgedRecord, RecordsAhead } from './records-ahead';
import {
  type DatabaseDecision,
  type ExpectedDatabase,
  type HistoryPoint,
  isAccepted,
  isSameTimeline,
  judgeOrigin,
  refuseBucket,
  refuseDatabase,
  type Verdict,
} from './decide';

/** Deleting would not be safe; the message says why and what to do. */
export class BrakeError extends Error {
  override readonly name: string = 'BrakeError';
}

/** One record is of another database or another history; the others may go on. */
export class ForeignRecordError extends BrakeError {
  override readonly name = 'ForeignRecordError';
}

interface BrakeOptions {
  readonly expected: ExpectedDatabase;
  readonly nowMs: () => number;
  /** On a connection that `checkConnection` has passed. */
  readonly readIdentity: () => Promise<DatabaseIdentity>;
  /** Default: true. See `AbsenceGauge`. */
  readonly countsAbsence?: boolean;
}

/** The database at its furthest place so far, and when it was met there. */
interface Seen {
  readonly database: DatabaseIdentity;
  readonly atMs: number;
}

export class Brake {
  readonly absence: AbsenceGauge;
  readonly #options: BrakeOptions;
  #seen: Seen | undefined;
  readonly #ahead = new RecordsAhead();
  readonly #hold: Hold;

  constructor(options: BrakeOptions) {
    this.#options = options;
    this.#hold = new Hold(options.expected.databaseName);
    this.absence = new AbsenceGauge(options.countsAbsence);
  }

  /**
   * Called for each new connection, before its first use.
   * @throws BrakeError when it leads to a database that must not be used.
   */
  async checkConnection(read: () => Promise<DatabaseIdentity>): Promise<DatabaseIdentity> {
    // Only what was known before the query can be too high for its answer.
    const before = this.#seen;
    const database = await read();
    const refusal = refuseDatabase(database, this.#options.expected);
    if (refusal !== undefined) throw new BrakeError(refusal);
    if (before && isBehind(database, before.database) && !this.#isAcceptedSince(before, database)) {
      this.hold(
        `The database went back from position ${before.database.lsn} of the write-ahead log to ${database.lsn}: an older copy has taken its place. Nothing is deleted until \`afterbuild accept-database --reason "…" --yes\` says so.`,
        before.atMs,
      );
    }
    this.#see(database);
    return database;
  }

  /** What was seen before an older copy was accepted tells nothing of the copy. */
  #see(database: DatabaseIdentity): void {
    const { database: known } = this.#seen ?? {};
    const isFurther = !known || !isSameTimeline(known, database) || database.lsn > known.lsn;
    if (!isFurther && !this.#isAcceptedSince(this.#seen, database)) return;
    this.#seen = { database, atMs: this.#options.nowMs() };
  }

  #isAcceptedSince(seen: Seen | undefined, database: DatabaseIdentity): boolean {
    const { acceptance } = this.#hold;
    return isAccepted(database, acceptance) && (seen?.atMs ?? -Infinity) <= acceptance.atMs;
  }

  /** @throws BrakeError when the bucket does not carry the tag. */
  checkBucket(tags: ReadonlyMap<string, string>, wanted: string, bucket: string): void {
    const refusal = refuseBucket(tags, wanted, bucket);
    if (refusal !== undefined) throw new BrakeError(refusal);
  }

  /** A decision from the control topic; other kinds are ignored. */
  decide(decision: DatabaseDecision | null): void {
    this.#hold.decide(decision);
  }

  /** The control topic has been read to its end: all earlier decisions of operators are known. */
  decisionsRead(): void {
    this.#hold.decisionsRead();
  }

  /**
   * Holds until an operator accepts the database, even when the database has grown past the doubtful place.
   * The first of several reasons is shown. @param evidenceAtMs when the cause of the hold was seen.
   */
  hold(reason: string, evidenceAtMs = this.#options.nowMs()): void {
    const first = this.#hold.reason() ?? reason;
    this.#hold.begin(first, evidenceAtMs, this.#options.nowMs());
  }

  /** @throws BrakeError while nothing may be deleted at all. */
  async assertReleased(): Promise<void> {
    if (!this.#hold.knowsDecisions) {
      throw new BrakeError(
        'The decisions on the control topic have not been read to their end yet.',
      );
    }
    if (this.#hold.reason() === undefined) return;
    this.#hold.endFor(await this.#refresh());
    const reason = this.#hold.reason();
    if (reason !== undefined) throw new BrakeError(reason);
    this.absence.reset();
    this.#ahead.reset();
  }

  /**
   * Asks the database at most once: only when the record is newer than what is known of it. A record that is ahead of
   * the database waits, even when the database has grown past it. Everything waits when several records of several
   * partitions are ahead: that is an older copy, and not the mistake of one writer.
   */
  async judge(record: JudgedRecord): Promise<Verdict> {
    const known = this.#seen?.database;
    // Counts from before an acceptance say nothing about the accepted database.
    const suffices =
      known &&
      !this.#ahead.has(record) &&
      judgeOrigin(record, known, this.#hold.acceptance).kind !== 'hold';
    const database = suffices ? known : await this.#refresh();
    const verdict = judgeOrigin(record, database, this.#hold.acceptance);
    if (verdict.kind === 'older-history') return verdict;
    const ahead = this.#ahead.judge(record, verdict);
    if (ahead?.isGeneral === true) {
      // A record may claim any time.
      this.hold(ahead.verdict.reason, Math.min(ahead.newestMs, this.#options.nowMs()));
    }
    return ahead?.verdict ?? verdict;
  }

  #refresh(): Promise<DatabaseIdentity> {
    return this.checkConnection(this.#options.readIdentity);
  }
}

const isBehind = (a: HistoryPoint, b: HistoryPoint): boolean =>
  isSameTimeline(a, b) && a.lsn < b.lsn;
