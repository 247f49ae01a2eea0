/** What a subscription says about failures; the runtime acts on it. */
import type { Dependency } from './dependency';
import type { PoisonReason } from './poison';
import { UndecodableRecordError } from './undecodable-record-error';

/** Whose fault an error is. Asked in this order: is the dependency down? is it the record? is it us? */
export type Verdict =
  /** It does not answer: the partitions that need it wait, and no attempt is counted. */
  | { readonly kind: 'hold'; readonly dependency: Dependency }
  /** It answers "not so fast": again soon, by fewer at once; no breaker opens, no attempt is counted. */
  | { readonly kind: 'overload'; readonly dependency: Dependency }
  /** Nothing is wrong, it is not time yet: again in place, and no attempt is counted for so long. */
  | { readonly kind: 'wait'; readonly patienceMs?: number }
  /** This record at this moment: an attempt is counted. */
  | { readonly kind: 'transient' }
  /** The record's own bytes. */
  | { readonly kind: 'poison'; readonly reason: PoisonReason }
  /** Nothing that was foreseen: the lane holds, readiness turns red, a person decides. */
  | { readonly kind: 'bug' };

export interface RetryTopic {
  /** Full name, namespace included. */
  readonly topic: string;
  readonly delayMs: number;
}

export interface FailurePolicy {
  /** Whose open breaker makes the partitions of this subscription wait. */
  readonly needs: readonly Dependency[];
  classify(error: Error): Verdict;
  /** From the shortest delay to the longest, which is repeated. Empty: in place, for as long as it takes. */
  readonly retryTopics: readonly RetryTopic[];
  /** Full name. Null: what is poison stops its lane. */
  readonly deadLetters: string | null;
  /** The value of what is left of a batch record, written anew with the topic's schema. */
  readonly encode?: (rest: unknown) => Promise<Buffer>;
  /** How many items a value holds, for the headers of what is left. */
  readonly count?: (rest: unknown) => number;
}

/** For topics that are read as state: what cannot be read stops the lane, everything else is repeated. */
export const noFailurePolicy: FailurePolicy = {
  needs: [],
  classify: (error) =>
    error instanceof UndecodableRecordError
      ? { kind: 'poison', reason: error.poison ?? 'not-a-value' }
      : { kind: 'transient' },
  retryTopics: [],
  deadLetters: null,
};
