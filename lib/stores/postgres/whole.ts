/** PostgreSQL's bigint over its whole range: a number where that is exact, or else a bigint. Pure. */
export type Whole = number | bigint;

/** @param text a bigint that the statement has cast to text. */
export function wholeOf(text: string): Whole {
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : BigInt(text);
}

/** GitLab's ids come from sequences; what is none cannot stand in a record or in an object's key. */
export const isId = (value: Whole): value is number => typeof value === 'number' && value > 0;

/** A size only feeds counters: what is no size counts as none, what is beyond every number as the last. */
export function sizeOf(value: Whole | null): number | null {
  if (value === null) return null;
  if (value < 0) return 0;
  return typeof value === 'number' ? value : Number.MAX_SAFE_INTEGER;
}
