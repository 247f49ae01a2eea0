/** Decides what happens to a record that failed: one ladder, read from top to bottom. Pure. */
import type { Dependency } from '../dependency';
import type { FailureClass, FailurePolicy } from '../failure-policy';
import { WrongOutcomesError } from '../outcome';
import type { PoisonReason } from '../poison';

export type NextStep =
  /** Its lane stops until an operator has looked. */
  | { readonly kind: 'halted'; readonly error: Error }
  /** Sent to a retry topic, or to the dead letters when `poison` gives the reason. */
  | { readonly kind: 'redirect'; readonly error: Error; readonly poison: PoisonReason | undefined }
  /** Tried again when the dependency is available, or has room; no attempt is counted. */
  | {
      readonly kind: 'held';
      readonly dependency: Dependency;
      readonly isOverload: boolean;
      readonly error: Error;
    }
  /** Tried again in place; an operator must look. */
  | { readonly kind: 'stuck'; readonly error: Error }
  /** Tried again in place. */
  | { readonly kind: 'again'; readonly error: Error };

export interface FailedTry {
  readonly error: Error;
  /** What the subscription's classifier says of the error. */
  readonly failureClass: FailureClass;
  /** How often the record has failed for its own reasons, this time included; 0 when this is no reason of its own. */
  readonly failures: number;
  /** Others succeed against the dependency that this record finds unavailable. */
  readonly isContradicted: boolean;
}

/** @param triesInPlace after so many failures for its own reasons a record goes to the retry topics. */
export function nextStep(
  { error, failureClass, failures, isContradicted }: FailedTry,
  { deadLetters, retryTopics }: Pick<FailurePolicy, 'deadLetters' | 'retryTopics'>,
  triesInPlace: number,
): NextStep {
  // Is it this process?
  if (error instanceof WrongOutcomesError) return { kind: 'halted', error };
  if (failureClass.kind === 'bug') return { kind: 'stuck', error };
  // Is it the record's own bytes?
  if (failureClass.kind === 'poison') {
    if (deadLetters === null) return { kind: 'halted', error };
    return { kind: 'redirect', error, poison: failureClass.reason };
  }
  // Is it a dependency? Not when others succeed against it: then it is this record.
  if (failureClass.kind === 'overload') {
    return { kind: 'held', dependency: failureClass.dependency, isOverload: true, error };
  }
  if (failureClass.kind === 'hold' && !isContradicted) {
    return { kind: 'held', dependency: failureClass.dependency, isOverload: false, error };
  }
  // It is this record at this moment, or too early for it.
  if (failures < triesInPlace || retryTopics.length === 0) return { kind: 'again', error };
  return { kind: 'redirect', error, poison: undefined };
}
