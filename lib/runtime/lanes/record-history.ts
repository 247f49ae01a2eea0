/** What is known of one record of a lane that is not finished, and what one more failure adds to it. Pure. */
import type { Dependency } from '../dependency';
import type { Admission } from '../failures/admission';
import type { FailureClass } from '../failure-policy';

/** Whether others have succeeded against a dependency since a turn. */
export type OthersSuccess = Pick<Admission, 'turn' | 'isProvedSince'>;

interface Doubt {
  readonly dependency: Dependency;
  /** The turn of the admission at its last failure. */
  readonly turn: number;
  /** How often others succeeded there in between. */
  readonly contradicted: number;
}

export interface RecordHistory {
  /** How often the record was passed to the handler. */
  attempts: number;
  /** How often it failed for its own reasons since it was fetched, and since when; null while it has not. */
  failures: number;
  failingSinceMs: number | null;
  /** The dependency that it has found unavailable. */
  doubt: Doubt | null;
  /** Since when each try came too early. */
  waitingSinceMs: number | null;
  /** A record of a retry topic is not due before then. */
  dueAtMs: number | null;
  /** What is left of a batch record that was done in part; undefined when nothing was. */
  rest: unknown;
  /** Its decoded value, when it was decoded and not finished. */
  decoded: { readonly value: unknown } | null;
}

export const newHistory = (): RecordHistory => ({
  attempts: 0,
  failures: 0,
  failingSinceMs: null,
  doubt: null,
  waitingSinceMs: null,
  dueAtMs: null,
  rest: undefined,
  decoded: null,
});

/**
 * A record that finds a dependency unavailable while others succeed there so often is taken to fail for its own
 * reasons.
 */
const contradictionsMax = 3;

/** It is handled alone, so that the others are not blamed with it. */
export const isSuspect = (history: Readonly<RecordHistory> | undefined): boolean =>
  (history?.doubt?.contradicted ?? 0) >= contradictionsMax;

interface FailureContext {
  readonly others: OthersSuccess;
  readonly nowMs: number;
  /** False when the record could not be decoded: only a doubted dependency counts then. */
  readonly isHandled: boolean;
}

/** Adds one failure to the history. @returns what `nextStep` has to know of it. */
export function countFailure(
  history: RecordHistory,
  failureClass: FailureClass,
  { others, nowMs, isHandled }: FailureContext,
): { readonly failures: number; readonly isContradicted: boolean } {
  const isContradicted = isOthersSuccess(history, failureClass, others);
  const isOwn = isHandled && isOwnFailure(history, failureClass, nowMs);
  if (!isContradicted && !isOwn) return { failures: 0, isContradicted };
  history.failures += 1;
  history.failingSinceMs ??= nowMs;
  return { failures: history.failures, isContradicted };
}

/** Whether others succeed against the dependency that this record finds unavailable, this time and often enough before. */
function isOthersSuccess(
  history: RecordHistory,
  failureClass: FailureClass,
  others: OthersSuccess,
): boolean {
  // The brake holds by a decision: a record that passes it proves nothing for the others.
  if (failureClass.kind !== 'hold' || failureClass.dependency === 'brake') return false;
  const { dependency } = failureClass;
  const before = history.doubt?.dependency === dependency ? history.doubt : null;
  const isNow = before !== null && others.isProvedSince(dependency, before.turn);
  const contradicted = (before?.contradicted ?? 0) + (isNow ? 1 : 0);
  history.doubt = { dependency, turn: others.turn, contradicted };
  return isNow && contradicted >= contradictionsMax;
}

/** A transient failure is the record's own at once, a wait after its patience; a wait without a limit never is. */
function isOwnFailure(history: RecordHistory, failureClass: FailureClass, nowMs: number): boolean {
  const patienceMs =
    failureClass.kind === 'wait' ? (failureClass.patienceMs ?? Infinity) : Infinity;
  if (patienceMs === Infinity) {
    history.waitingSinceMs = null;
    return failureClass.kind === 'transient';
  }
  history.waitingSinceMs ??= nowMs;
  return nowMs - history.waitingSinceMs >= patienceMs;
}
