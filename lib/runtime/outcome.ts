/** What became of one record. The runtime, not the handler, turns an outcome into offsets and pauses. */
import type { Dependency } from './dependency';
import type { PoisonReason } from './poison';

export type Outcome =
  /** The effect is complete: the record's offset may be committed. */
  | {
      readonly kind: 'done';
      /** Left out: whatever the policy says that records need was there. */
      readonly provesNothing?: true;
    }
  /** Nothing to do, for a reason worth counting. */
  | { readonly kind: 'skip'; readonly reason: string }
  /**
   * It did not work out; the subscription's classifier says whose fault that is. What is the record's own
   * is tried again in place, then by way of the retry topics, where the group has some.
   */
  | { readonly kind: 'retry'; readonly error: Error }
  /** The dependency is away: the partition waits, and no attempt is counted. */
  | { readonly kind: 'hold'; readonly dependency: Dependency; readonly error: Error }
  /** Like `retry`, of a batch record that is done in part. What is left of it is `rest`, a value of the same type. */
  | { readonly kind: 'partly'; readonly rest: unknown; readonly error: Error }
  /** The record's own bytes make it impossible, for a reason on the allowlist. */
  | { readonly kind: 'dead-letter'; readonly reason: PoisonReason; readonly error: Error }
  /** Going on would be wrong: the lane stops here until a person has looked. */
  | { readonly kind: 'halt'; readonly error: Error };

export const done: Outcome = { kind: 'done' };
/** Complete, but it needed less than other records do: no sign that what those need is there. */
export const doneWithLess: Outcome = { kind: 'done', provesNothing: true };
export const skip = (reason: string): Outcome => ({ kind: 'skip', reason });
export const retry = (error: Error): Outcome => ({ kind: 'retry', error });
export const hold = (dependency: Dependency, error: Error): Outcome => ({
  kind: 'hold',
  dependency,
  error,
});
export const partly = (rest: unknown, error: Error): Outcome => ({ kind: 'partly', rest, error });
export const deadLetter = (reason: PoisonReason, error: Error): Outcome => ({
  kind: 'dead-letter',
  reason,
  error,
});
export const halt = (error: Error): Outcome => ({ kind: 'halt', error });
