/** What a subscription declares about failures: how errors are classified, and where failed records go. */
import type { Dependency } from './dependency';
import { type PoisonReason, UndecodableRecordError } from './poison';

/** Classifies an error, in this order: is a dependency unavailable? is it the record? is it us? */
export type FailureClass =
  /** The dependency does not answer: the partitions that need it wait, and no attempt is counted. */
  | { readonly kind: 'hold'; readonly dependency: Dependency }
  /** The dependency asks for less load: again soon, with fewer at once; no breaker opens, no attempt is counted. */
  | { readonly kind: 'overload'; readonly dependency: Dependency }
  /** Only too early: tried again in place. No attempt is counted before `patienceMs`, and never when it is left out. */
  | { readonly kind: 'wait'; readonly patienceMs?: number }
  /** A failure of this record at this moment: an attempt is counted. */
  | { readonly kind: 'transient' }
  /** The record's own bytes are at fault. */
  | { readonly kind: 'poison'; readonly reason: PoisonReason }
  /** An unforeseen error: the lane holds, readiness turns red, an operator decides. */
  | { readonly kind: 'bug' };

export interface RetryTopic {
  /** Full name, namespace included. */
  readonly topic: string;
  readonly delayMs: number;
}

export interface FailurePolicy {
  /** While the breaker of one of these is open, the partitions of this subscription wait. */
  readonly needs: readonly Dependency[];
  classify(error: Error): FailureClass;
  /** From the shortest delay to the longest, which is repeated. Empty: retries in place, without a limit. */
  readonly retryTopics: readonly RetryTopic[];
  /** Full name. Null: a poison record stops its lane. */
  readonly deadLetters: string | null;
  /** Encodes the rest of a batch record, with the topic's schema. */
  readonly encode?: (rest: unknown) => Promise<Buffer>;
  /** How many items a value holds, for the headers of such a rest. */
  readonly count?: (rest: unknown) => number;
}

/** For topics that are read as state: a record that cannot be read stops the lane, any other failure is repeated. */
export const noFailurePolicy: FailurePolicy = {
  needs: [],
  classify: (error) =>
    error instanceof UndecodableRecordError
      ? { kind: 'poison', reason: error.poison ?? 'not-a-value' }
      : { kind: 'transient' },
  retryTopics: [],
  deadLetters: null,
};
