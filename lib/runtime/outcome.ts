/** The outcome of one record. The runtime, not the handler, turns an outcome into offsets and pauses. */

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
   * It failed. The subscription's classifier alone says what the error means: hold, retry topic, dead letter, or a stop
   * for an operator (`failures/next-step.ts`). `rest` is what is left of a batch record that is done in part, as a value
   * of the same type.
   */
  | { readonly kind: 'retry'; readonly error: Error; readonly rest?: unknown };

export const done: Outcome = { kind: 'done' };
/** Done without touching every dependency, so it does not close their breakers. */
export const doneWithLess: Outcome = { kind: 'done', provesNothing: true };
export const skip = (reason: string): Outcome => ({ kind: 'skip', reason });
/** @param rest what is left of a batch record that is done in part; left out, all of it comes again. */
export const retry = (error: Error, rest?: unknown): Outcome =>
  rest === undefined ? { kind: 'retry', error } : { kind: 'retry', error, rest };

/** `handle` broke its contract: the lane stops until an operator has looked, for going on could be wrong. */
export class WrongOutcomesError extends Error {
  override readonly name = 'WrongOutcomesError';
}
