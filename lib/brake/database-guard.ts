/**
 * Holds all sweeps while the connected database is not the one that the watermarks belong to (docs/adr/0004): a
 * restored backup or a lagging standby must not be swept as if nothing had happened.
 */
import {
  isAccepted,
  judgeOrigin,
  refuseDatabase,
  type Acceptance,
  type DatabaseDecision,
  type ExpectedDatabase,
} from './decide';
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
export interface Met {
  readonly origin: DatabaseOrigin;
  readonly timestampMs: number;
  /** The evidence, for an operator: `The watermark due/public.x on afterbuild.progress`. */
  readonly by?: string;
}

interface Held {
  readonly reason: string;
  readonly sinceMs: number;
  /** When what an operator has to accept was met or written; undefined for what passes by itself. */
  readonly evidenceAtMs: number | undefined;
}

export class DatabaseGuard {
  #latest: Met | undefined;
  #acceptance: Acceptance | undefined;
  #decisionsRead = false;
  #held: Held | undefined;

  constructor(
    private readonly expected: ExpectedDatabase,
    private readonly clock: Clock,
    private readonly logger: Logger,
  ) {}

  /** The database as last seen, by this process or by the writer of a watermark. Ask before you read. */
  get latest(): Met | undefined {
    return this.#latest;
  }

  /** The latest entry holds: an accepted older copy has a lower position than before. */
  learn(met: Met): void {
    if (met.timestampMs >= (this.#latest?.timestampMs ?? -Infinity)) this.#latest = met;
  }

  /** A decision from the control topic. */
  decide(decision: DatabaseDecision | null): void {
    if (decision?.kind !== 'accept-database' || decision.acceptedDatabase === null) return;
    this.#acceptance = { ...decision.acceptedDatabase, atMs: decision.atMs };
  }

  /**
   * The time stamp for new records: later than the acceptance that allowed them, even when the operator's clock is
   * ahead of ours; otherwise they would count as written before it.
   */
  timestampMs(): number {
    return Math.max(this.clock.nowMs(), (this.#acceptance?.atMs ?? -Infinity) + 1);
  }

  /** The control topic was read to its end. */
  decisionsRead(): void {
    this.#decisionsRead = true;
  }

  /**
   * @param current read after `recorded` was written: only then can it be too low.
   * @returns whether it is another history, which an operator has accepted.
   * @throws DatabaseHoldError. The first is logged, and so is the end of the hold.
   */
  require(current: DatabaseMoment, recorded: Met | undefined): { readonly accepted: boolean } {
    if (!this.#decisionsRead) {
      throw new DatabaseHoldError('The decisions of operators have not been read yet.');
    }
    const refusal = refuseDatabase(current, this.expected);
    if (refusal !== undefined) this.#hold(refusal);
    const verdict = recorded && judgeOrigin(recorded, current, this.#acceptance);
    if (verdict?.kind === 'hold') {
      // A record may claim any time.
      const evidenceAtMs = Math.min(recorded?.timestampMs ?? Infinity, this.clock.nowMs());
      this.#hold(verdict.reason, verdict.sticky ? evidenceAtMs : undefined);
    }
    this.#release(current);
    return { accepted: verdict?.kind === 'older-history' };
  }

  /**
   * For what was read a while ago: written down now, it would look as if it had been read behind an acceptance.
   * @throws ReplacedDatabaseError when the database is another one by now, accepted or not.
   */
  requireSame(current: DatabaseMoment, read: Met): void {
    const isRefused = refuseDatabase(current, this.expected) !== undefined;
    const verdict = judgeOrigin(read, current, this.#acceptance);
    if (isRefused || verdict.kind !== 'same-history') throw new ReplacedDatabaseError();
  }

  #hold(reason: string, evidenceAtMs?: number): never {
    const { evidenceAtMs: earlier, sinceMs } = this.#held ?? {};
    const isNew = this.#held?.reason !== reason;
    this.#held = {
      reason,
      sinceMs: sinceMs ?? this.clock.nowMs(),
      evidenceAtMs: latestOf(evidenceAtMs, earlier),
    };
    if (isNew) {
      this.logger.error({ event: 'database.held', reason }, 'held: not the database it was');
    }
    throw new DatabaseHoldError(reason);
  }

  /**
   * An older copy grows past the doubtful place by itself, so only an operator's acceptance ends that hold. It may have
   * been given before this process saw the cause, since it takes a while to arrive: it answers what was written before.
   */
  #release(current: DatabaseMoment): void {
    const held = this.#held;
    if (held === undefined) return;
    const acceptance = this.#acceptance;
    const { evidenceAtMs = -Infinity } = held;
    const isAnswered = isAccepted(current, acceptance) && acceptance.atMs >= evidenceAtMs;
    if (held.evidenceAtMs !== undefined && !isAnswered) throw new DatabaseHoldError(held.reason);
    this.#held = undefined;
    const heldMs = this.clock.nowMs() - held.sinceMs;
    this.logger.info({ event: 'database.released', heldMs }, 'the database may be used again');
  }
}

function latestOf(a: number | undefined, b: number | undefined): number | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return Math.max(a, b);
}
