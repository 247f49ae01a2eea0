/** PostgreSQL's bigint over its whole range: a number where that is exact, or else a bigint. Pure. */
export type Whole = number | bigint;

/** @param text a bigint that the statement has cast to text. */
export function wholeOf(text: string): Whole {
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : BigInt(text);
}

/** GitLab's ids come from sequences; any other value cannot stand in a record or in an object's key. */
export const isId = (value: Whole): value is number => typeof value === 'number' && value > 0;

/** A size only feeds counters: an impossible size counts as none, one too large for a number as the largest. */
export function sizeOf(value: Whole | null): number | null {
  if (value === null) return null;
  if (value < 0) return 0;
  return typeof value === 'number' ? value : Number.MAX_SAFE_INTEGER;
}
