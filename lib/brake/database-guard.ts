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

/** A database as it was seen at some time. */
export interface Met {
  readonly origin: DatabaseOrigin;
  readonly timestampMs: number;
}

export class DatabaseGuard {
  #latest: Met | undefined;
  #acceptance: Acceptance | undefined;
  #decisionsRead = false;
  #held:
    { readonly reason: string; readonly sinceMs: number; readonly sticky: boolean } | undefined;

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
    if (refusal !== undefined) this.#hold(refusal, false);
    const verdict = recorded && judgeOrigin(recorded, current, this.#acceptance);
    if (verdict?.kind === 'hold') this.#hold(verdict.reason, verdict.sticky);
    this.#release(current);
    return { accepted: verdict?.kind === 'older-history' };
  }

  #hold(reason: string, sticky: boolean): never {
    if (this.#held?.reason !== reason) {
      const sinceMs = this.#held?.sinceMs ?? this.clock.nowMs();
      this.#held = { reason, sinceMs, sticky: sticky || (this.#held?.sticky ?? false) };
      this.logger.error({ event: 'database.held', reason }, 'held: not the database it was');
    }
    throw new DatabaseHoldError(reason);
  }

  /** An older copy grows past the doubtful place by itself, so only an operator ends that hold. */
  #release(current: DatabaseMoment): void {
    const held = this.#held;
    if (held === undefined) return;
    const accepted = isAccepted(current, this.#acceptance) && this.#acceptance.atMs >= held.sinceMs;
    if (held.sticky && !accepted) throw new DatabaseHoldError(held.reason);
    this.#held = undefined;
    const heldMs = this.clock.nowMs() - held.sinceMs;
    this.logger.info({ event: 'database.released', heldMs }, 'the database may be used again');
  }
}
