/** What the lanes of a partition have in common, for those who ask how it is. */
import { quoted } from '../../process/printable';
import { failureHeaders } from '../failure-headers';
import type { FetchedRecord } from '../../kafka/fetched-record';
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
  return unsent ? `dead-letters: ${unsent.error.message}` : retryWait(working);
}

/** `no retry is due before 2026-05-01T12:00:00Z: S3, storing a trace: SlowDown`. The header may be anybody's. */
function retryWait(lanes: readonly Lane[]): string {
  let next: { readonly atMs: number; readonly record: FetchedRecord } | undefined;
  for (const lane of lanes) {
    const record = lane.first();
    const atMs = record && lane.dueAtMs.get(record.offset);
    if (record && atMs !== undefined && atMs < (next?.atMs ?? Infinity)) next = { atMs, record };
  }
  if (!next) return 'no retry is due yet';
  const why = next.record.headerTexts[failureHeaders.errorMessage];
  const until = new Date(next.atMs).toISOString().replace(/\.\d+Z$/, 'Z');
  return `no retry is due before ${until}${why === undefined ? '' : `: ${quoted(why)}`}`;
}

/**
 * Whether one of them could tell whether a dependency is back, or nothing that is fetched could tell more.
 * A lane that has found it away may fail for its own sake, and must not be the only one that is asked.
 */
export function hasProbe(lanes: readonly Lane[]): boolean {
  const working = lanes.filter((lane) => lane.first() !== undefined);
  return working.length === lanes.length || working.some(({ failures }) => failures === 0);
}
