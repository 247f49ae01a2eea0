/**
 * Holds all sweeps while the connected database is not the one that the watermarks belong to (docs/adr/0004): a
 * restored backup or a lagging standby must not be swept as if nothing had happened.
 */
import {
  judgeOrigin,
  refuseDatabase,
  type DatabaseDecision,
  type ExpectedDatabase,
} from './decide';
import { Hold } from './hold';
import type { Clock } from '../process/clock';
import type { Logger } from '../process/logger';
import type { DatabaseOrigin } from '../../schemas/generated';

/** A database and its place in its own history, at one moment. */
export interface DatabaseMoment extends DatabaseOrigin {
  readonly inRecovery: boolean;
}

/** Work must wait; the message says why and what to do. */
export class DatabaseHoldError extends Error {
  override readonly name = 'DatabaseHoldError';
}

/** What was read belongs to a database that has been replaced since: it is read again. */
export class ReplacedDatabaseError extends DatabaseHoldError {
  constructor() {
    super('The database has been replaced since this was read: it is read again.');
  }
}

/** A database as it was seen at some time. */
export interface Sighting {
  readonly origin: DatabaseOrigin;
  readonly timestampMs: number;
  /** The evidence, for an operator: `The watermark due/public.x on afterbuild.progress`. */
  readonly by?: string;
}

export class DatabaseGuard {
  #latest: Sighting | undefined;
  readonly #hold: Hold;

  constructor(
    private readonly expected: ExpectedDatabase,
    private readonly clock: Clock,
    private readonly logger: Logger,
  ) {
    this.#hold = new Hold(expected.databaseName);
  }

  /** The database as last seen, by this process or by the writer of a watermark. Ask before you read. */
  get latest(): Sighting | undefined {
    return this.#latest;
  }

  /** The latest entry holds: an accepted older copy has a lower position than before. */
  noteSighting(met: Sighting): void {
    if (met.timestampMs >= (this.#latest?.timestampMs ?? -Infinity)) this.#latest = met;
  }

  /** A decision from the control topic. */
  decide(decision: DatabaseDecision | null): void {
    this.#hold.decide(decision);
  }

  /**
   * The time stamp for new records: later than the acceptance that allowed them, even when the operator's clock is
   * ahead of ours; otherwise they would count as written before it.
   */
  timestampMs(): number {
    return Math.max(this.clock.nowMs(), (this.#hold.acceptance?.atMs ?? -Infinity) + 1);
  }

  /** The control topic was read to its end. */
  decisionsRead(): void {
    this.#hold.decisionsRead();
  }

  /**
   * @param current read after `recorded` was written: only then can it be too low.
   * @returns whether it is another history, which an operator has accepted.
   * @throws DatabaseHoldError. The first is logged, and so is the end of the hold.
   */
  require(current: DatabaseMoment, recorded: Sighting | undefined): { readonly accepted: boolean } {
    if (!this.#hold.knowsDecisions) {
      throw new DatabaseHoldError('The decisions of operators have not been read yet.');
    }
    const refusal = refuseDatabase(current, this.expected);
    if (refusal !== undefined) this.#holdFor(refusal);
    const verdict = recorded && judgeOrigin(recorded, current, this.#hold.acceptance);
    if (verdict?.kind === 'hold') {
      // A record may claim any time.
      const evidenceAtMs = Math.min(recorded?.timestampMs ?? Infinity, this.clock.nowMs());
      this.#holdFor(verdict.reason, verdict.sticky ? evidenceAtMs : undefined);
    }
    this.#release(current);
    return { accepted: verdict?.kind === 'older-history' };
  }

  /**
   * For what was read a while ago: written down now, it would look as if it had been read behind an acceptance.
   * @throws ReplacedDatabaseError when the database is another one by now, accepted or not.
   */
  requireSame(current: DatabaseMoment, read: Sighting): void {
    const isRefused = refuseDatabase(current, this.expected) !== undefined;
    const verdict = judgeOrigin(read, current, this.#hold.acceptance);
    if (isRefused || verdict.kind !== 'same-history') throw new ReplacedDatabaseError();
  }

  #holdFor(reason: string, evidenceAtMs?: number): never {
    const isNew = this.#hold.reason() !== reason;
    this.#hold.begin(reason, evidenceAtMs, this.clock.nowMs());
    if (isNew) {
      this.logger.error({ event: 'database.held', reason }, 'held: not the database it was');
    }
    throw new DatabaseHoldError(reason);
  }

  #release(current: DatabaseMoment): void {
    const ended = this.#hold.endFor(current);
    const reason = this.#hold.reason();
    if (reason !== undefined) throw new DatabaseHoldError(reason);
    if (ended === undefined) return;
    const heldMs = this.clock.nowMs() - ended.sinceMs;
    this.logger.info({ event: 'database.released', heldMs }, 'the database may be used again');
  }
}
