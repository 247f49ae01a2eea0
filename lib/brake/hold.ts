/**
 * Why work waits before a database that may be the wrong one, and what operators have accepted: the hold of the brake and
 * of the database guard. Pure.
 */
import { isAccepted, type Acceptance, type DatabaseDecision, type HistoryPoint } from './decide';

interface Held {
  readonly reason: string;
  readonly sinceMs: number;
  /** When what an operator has to accept was seen or written; undefined for what passes by itself. */
  readonly evidenceAtMs: number | undefined;
}

export class Hold {
  #acceptance: Acceptance | undefined;
  #decisionsRead = false;
  #held: Held | undefined;

  constructor(private readonly databaseName: string) {}

  /** A decision from the control topic; other kinds, and those about another database, are ignored. */
  decide(decision: DatabaseDecision | null): void {
    if (decision?.kind !== 'accept-database' || !decision.acceptedDatabase) return;
    if (decision.acceptedDatabase.databaseName !== this.databaseName) return;
    this.#acceptance = { ...decision.acceptedDatabase, atMs: decision.atMs };
  }

  get acceptance(): Acceptance | undefined {
    return this.#acceptance;
  }

  /** The control topic has been read to its end: all earlier decisions of operators are known. */
  decisionsRead(): void {
    this.#decisionsRead = true;
  }

  /** Nothing may begin before. */
  get knowsDecisions(): boolean {
    return this.#decisionsRead;
  }

  /** Why work waits; undefined while it does not. */
  reason(): string | undefined {
    return this.#held?.reason;
  }

  /**
   * @param evidenceAtMs when the cause was seen or written; undefined for one that passes by itself. Of several the
   * newest counts: an acceptance answers every cause before it, even one that this process sees later, since an
   * acceptance takes a while to arrive.
   */
  begin(reason: string, evidenceAtMs: number | undefined, nowMs: number): void {
    const { evidenceAtMs: earlier, sinceMs = nowMs } = this.#held ?? {};
    this.#held = { reason, sinceMs, evidenceAtMs: latestOf(evidenceAtMs, earlier) };
  }

  /**
   * An older copy grows past the doubtful place by itself, so only an operator's acceptance ends that hold.
   * @returns the hold that has ended; undefined without one, or while it goes on (`reason`).
   */
  endFor(database: HistoryPoint): Held | undefined {
    const held = this.#held;
    if (held === undefined) return undefined;
    const { evidenceAtMs } = held;
    if (evidenceAtMs !== undefined && !this.#isAnswered(database, evidenceAtMs)) return undefined;
    this.#held = undefined;
    return held;
  }

  #isAnswered(database: HistoryPoint, evidenceAtMs: number): boolean {
    const acceptance = this.#acceptance;
    return isAccepted(database, acceptance) && acceptance.atMs >= evidenceAtMs;
  }
}

function latestOf(a: number | undefined, b: number | undefined): number | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return Math.max(a, b);
}
