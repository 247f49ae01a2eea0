/** What the lanes of a partition have in common, for those who ask how it is. */
import type { FetchedRecord } from './fetched-record';
import type { Lane } from './lane';

/** The first record of the prefix that is missing, if it has been fetched. */
export function oldestOf(lanes: readonly Lane[]): FetchedRecord | undefined {
  const firsts = lanes.flatMap((lane) => lane.first() ?? []);
  return firsts.reduce<FetchedRecord | undefined>(
    (oldest, one) => (oldest && oldest.offset < one.offset ? oldest : one),
    undefined,
  );
}

/** Why none of them begins anything, apart from what a breaker or an operator holds. */
export function waitOf(lanes: readonly Lane[]): string | null {
  const working = lanes.filter((lane) => lane.first() !== undefined);
  if (!working.every((lane) => lane.waking || lane.unsent)) return null;
  const unsent = working.find((lane) => lane.unsent)?.unsent;
  return unsent ? `dead-letters: ${unsent.error.message}` : 'no retry is due yet';
}

/**
 * Whether one of them could tell whether a dependency is back, or nothing that is fetched could tell more.
 * A lane that has found it away may fail for its own sake, and must not be the only one that is asked.
 */
export function hasProbe(lanes: readonly Lane[]): boolean {
  const working = lanes.filter((lane) => lane.first() !== undefined);
  return working.length === lanes.length || working.some(({ failures }) => failures === 0);
}
