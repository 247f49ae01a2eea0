/** Which dead letters an operator selects. */
import type { DeadLetter } from './dead-letter';

/** A criterion that is left out does not matter; group and topic were used before, to choose places (places.ts). */
export interface DeadLetterFilter {
  readonly partition?: number | undefined;
  readonly offset?: number | undefined;
  /** One of `poisonReasons`. */
  readonly reason?: string | undefined;
  readonly errorClass?: string | undefined;
  /** The latest failure, from this moment on. */
  readonly sinceMs?: number | undefined;
  /** The latest failure, before this moment. */
  readonly untilMs?: number | undefined;
  /** The whole key, as text. */
  readonly key?: string | undefined;
}

const isEqual = (wanted: string | number | undefined, found: string | number | null): boolean =>
  wanted === undefined || wanted === found;

export function matches(letter: DeadLetter, filter: DeadLetterFilter): boolean {
  const { sinceMs = -Infinity, untilMs = Infinity } = filter;
  return (
    isEqual(filter.partition, letter.partition) &&
    isEqual(filter.offset, letter.offset) &&
    isEqual(filter.reason, letter.reason) &&
    isEqual(filter.errorClass, letter.errorClass) &&
    isEqual(filter.key, letter.key) &&
    letter.lastFailureAtMs >= sinceMs &&
    letter.lastFailureAtMs < untilMs
  );
}
