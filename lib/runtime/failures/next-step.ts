/** From what a handler says of a record to what is done with it. Pure. */
import type { Dependency } from '../dependency';
import type { FailurePolicy } from '../failure-policy';
import type { Outcome } from '../outcome';
import type { PoisonReason } from '../poison';

export type Fate =
  | { readonly kind: 'finished' }
  /** Again in place. */
  | { readonly kind: 'again'; readonly error: Error }
  /** Again when the dependency is back, or has room; no attempt is counted. */
  | {
      readonly kind: 'held';
      readonly dependency: Dependency;
      readonly isOverload: boolean;
      readonly error: Error;
    }
  /** Again in place, for a person to see. */
  | { readonly kind: 'stuck'; readonly error: Error }
  /** To a retry topic, or to the dead letters when `poison` says why. */
  | { readonly kind: 'letter'; readonly error: Error; readonly poison: PoisonReason | undefined }
  | { readonly kind: 'halted'; readonly error: Error };

export const finished: Fate = { kind: 'finished' };

/**
 * @param failed how often the record has been tried for its own sake, this time included.
 * @param triesInPlace after so many a record goes to the retry topics.
 */
export function judge(
  outcome: Outcome,
  failed: number,
  policy: FailurePolicy,
  triesInPlace: number,
): Fate {
  switch (outcome.kind) {
    case 'done':
    case 'skip':
      return finished;
    case 'hold':
      return { ...outcome, kind: 'held', isOverload: false };
    case 'halt':
      return { kind: 'halted', error: outcome.error };
    case 'dead-letter':
      return poisoned(outcome.error, outcome.reason, policy);
    case 'partly':
    case 'retry':
      return judgeError(outcome.error, failed, policy, triesInPlace);
  }
}

/** The same for an error that was thrown, by a decoder for instance. */
export function judgeError(
  error: Error,
  failed: number,
  policy: FailurePolicy,
  triesInPlace: number,
): Fate {
  const verdict = policy.classify(error);
  switch (verdict.kind) {
    case 'hold':
      return { kind: 'held', dependency: verdict.dependency, isOverload: false, error };
    case 'overload':
      return { kind: 'held', dependency: verdict.dependency, isOverload: true, error };
    case 'poison':
      return poisoned(error, verdict.reason, policy);
    case 'wait':
      return failed > 0 ? ownFault(error, failed, policy, triesInPlace) : { kind: 'again', error };
    case 'bug':
      return { kind: 'stuck', error };
    case 'transient':
      return ownFault(error, failed, policy, triesInPlace);
  }
}

const poisoned = (error: Error, poison: PoisonReason, policy: FailurePolicy): Fate =>
  policy.deadLetters === null ? { kind: 'halted', error } : { kind: 'letter', error, poison };

/** This record at this moment. */
export const ownFault = (
  error: Error,
  failed: number,
  policy: FailurePolicy,
  triesInPlace: number,
): Fate =>
  policy.retryTopics.length > 0 && failed >= triesInPlace
    ? { kind: 'letter', error, poison: undefined }
    : { kind: 'again', error };
