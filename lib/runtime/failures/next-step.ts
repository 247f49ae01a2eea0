/** Decides what happens to a record from its outcome or its error. Pure. */
import type { Dependency } from '../dependency';
import type { FailurePolicy } from '../failure-policy';
import type { Outcome } from '../outcome';
import type { PoisonReason } from '../poison';

export type NextStep =
  | { readonly kind: 'finished' }
  /** Tried again in place. */
  | { readonly kind: 'again'; readonly error: Error }
  /** Tried again when the dependency is available, or has room; no attempt is counted. */
  | {
      readonly kind: 'held';
      readonly dependency: Dependency;
      readonly isOverload: boolean;
      readonly error: Error;
    }
  /** Tried again in place; an operator must look. */
  | { readonly kind: 'stuck'; readonly error: Error }
  /** Sent to a retry topic, or to the dead letters when `poison` gives the reason. */
  | { readonly kind: 'redirect'; readonly error: Error; readonly poison: PoisonReason | undefined }
  | { readonly kind: 'halted'; readonly error: Error };

export const finished: NextStep = { kind: 'finished' };

/**
 * @param failed how often the record has failed for its own reasons, this time included.
 * @param triesInPlace after so many a record goes to the retry topics.
 */
export function nextStep(
  outcome: Outcome,
  failed: number,
  policy: FailurePolicy,
  triesInPlace: number,
): NextStep {
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
      return nextStepOfError(outcome.error, failed, policy, triesInPlace);
  }
}

/** The same for a thrown error, for example of a decoder. */
export function nextStepOfError(
  error: Error,
  failed: number,
  policy: FailurePolicy,
  triesInPlace: number,
): NextStep {
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

const poisoned = (error: Error, poison: PoisonReason, policy: FailurePolicy): NextStep =>
  policy.deadLetters === null ? { kind: 'halted', error } : { kind: 'redirect', error, poison };

/** A failure of this record at this moment. */
export const ownFault = (
  error: Error,
  failed: number,
  policy: FailurePolicy,
  triesInPlace: number,
): NextStep =>
  policy.retryTopics.length > 0 && failed >= triesInPlace
    ? { kind: 'redirect', error, poison: undefined }
    : { kind: 'again', error };
