/** The outcome of one record. The runtime, not the handler, turns an outcome into offsets and pauses. */
import type { Dependency } from './dependency';
import type { PoisonReason } from './poison';

export type Outcome =
  /** The effect is complete: the record's offset may be committed. */
  | {
      readonly kind: 'done';
      /** When left out: the dependencies that the policy names were available. */
      readonly provesNothing?: true;
    }
  /** Nothing to do, for a reason worth counting. */
  | { readonly kind: 'skip'; readonly reason: string }
  /**
   * It failed; the subscription's classifier decides what is at fault. A failure of the record is tried again in place,
   * then through the retry topics, where the group has some.
   */
  | { readonly kind: 'retry'; readonly error: Error }
  /** The dependency is unavailable: the partition waits, and no attempt is counted. */
  | { readonly kind: 'hold'; readonly dependency: Dependency; readonly error: Error }
  /** Like `retry`, for a batch record that is done in part. `rest` holds what is left, as a value of the same type. */
  | { readonly kind: 'partly'; readonly rest: unknown; readonly error: Error }
  /** The record's own bytes make it impossible, for a reason on the list in `poison.ts`. */
  | { readonly kind: 'dead-letter'; readonly reason: PoisonReason; readonly error: Error }
  /** Going on would be wrong: the lane stops here until an operator has looked. */
  | { readonly kind: 'halt'; readonly error: Error };

export const done: Outcome = { kind: 'done' };
/** Done without touching every dependency, so it does not close their breakers. */
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
