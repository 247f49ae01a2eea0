/** Summaries over the lanes of a partition, for status and back-pressure. */
import { quoted } from '../../process/printable';
import { failureHeaders } from '../failure-headers';
import type { FetchedRecord } from '../../kafka/fetched-record';
import type { Lane } from './lane';

/** The oldest unfinished record, if it has been fetched. */
export function oldestOf(lanes: readonly Lane[]): FetchedRecord | undefined {
  const firsts = lanes.flatMap((lane) => lane.first() ?? []);
  return firsts.reduce<FetchedRecord | undefined>(
    (oldest, one) => (oldest && oldest.offset < one.offset ? oldest : one),
    undefined,
  );
}

/** Why none of them begins anything, apart from a breaker or an operator's flag. */
export function waitOf(lanes: readonly Lane[]): string | null {
  const working = lanes.filter((lane) => lane.first() !== undefined);
  if (!working.every((lane) => lane.activity.kind === 'not-due' || lane.unsent)) return null;
  const unsent = working.find((lane) => lane.unsent)?.unsent;
  return unsent ? `dead-letters: ${unsent.error.message}` : retryWait(working);
}

/**
 * `no retry is due before 2026-05-01T12:00:00Z: S3, storing a trace: SlowDown`. Any producer may have written the
 * header.
 */
function retryWait(lanes: readonly Lane[]): string {
  const next = lanes.flatMap(dueRecordOf).toSorted((a, b) => a.atMs - b.atMs)[0];
  if (!next) return 'no retry is due yet';
  const why = next.record.headerTexts[failureHeaders.errorMessage];
  const until = new Date(next.atMs).toISOString().replace(/\.\d+Z$/, 'Z');
  return `no retry is due before ${until}${why === undefined ? '' : `: ${quoted(why)}`}`;
}

/** The first record of the lane, when it is due at some time. */
function dueRecordOf(lane: Lane): { readonly atMs: number; readonly record: FetchedRecord }[] {
  const record = lane.first();
  const atMs = record && lane.knownOf(record.offset)?.dueAtMs;
  return record && typeof atMs === 'number' ? [{ atMs, record }] : [];
}

/**
 * Whether some lane can serve as the breaker's probe. A lane that found the dependency unavailable may fail for its own
 * reasons, so it must not be the only probe.
 */
export function hasProbe(lanes: readonly Lane[]): boolean {
  const working = lanes.filter((lane) => lane.first() !== undefined);
  return working.length === lanes.length || working.some(({ failing }) => failing === null);
}
