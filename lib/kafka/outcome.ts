/** What became of one record. The runtime, not the handler, turns an outcome into offsets and pauses. */
export type Outcome =
  /** The effect is complete: the record's offset may be committed. */
  | { readonly kind: 'done' }
  /** Nothing to do, for a reason worth counting. */
  | { readonly kind: 'skip'; readonly reason: string }
  /** A dependency failed or is not ready: the same record again, in place, for as long as it takes. */
  | { readonly kind: 'retry'; readonly error: Error }
  /** Going on would be wrong: the lane stops here until a person has looked. */
  | { readonly kind: 'halt'; readonly error: Error };

export const done: Outcome = { kind: 'done' };
export const skip = (reason: string): Outcome => ({ kind: 'skip', reason });
export const retry = (error: Error): Outcome => ({ kind: 'retry', error });
export const halt = (error: Error): Outcome => ({ kind: 'halt', error });
