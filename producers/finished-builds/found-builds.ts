/** Counts the stale builds that a pass has found, and since when the oldest has been finished. Pure. */
import type { SourceWork } from '../../schemas/generated';
import type { FinishedRecord } from './ports';

export interface FoundBuilds {
  readonly builds: number;
  /** Milliseconds since the epoch; null without any. */
  readonly oldestFinishedAtMs: number | null;
}

export const noneFound: FoundBuilds = { builds: 0, oldestFinishedAtMs: null };

export const foundIn = (records: readonly FinishedRecord[]): FoundBuilds =>
  records.reduce<FoundBuilds>(
    (found, { value }) => together(found, { builds: 1, oldestFinishedAtMs: value.finishedAtMs }),
    noneFound,
  );

export function together(a: FoundBuilds, b: FoundBuilds): FoundBuilds {
  const times = [a, b].flatMap(({ oldestFinishedAtMs }) => oldestFinishedAtMs ?? []);
  return {
    builds: a.builds + b.builds,
    oldestFinishedAtMs: times.length === 0 ? null : Math.min(...times),
  };
}

/** For status and metrics: an estimate, since some of them have been archived since. */
export const staleWork = (found: FoundBuilds, isFull: boolean): SourceWork => ({
  unit: 'builds',
  perSecond: 0,
  inDatabase: found.builds,
  isEstimate: found.builds > 0,
  dueSinceMs: found.oldestFinishedAtMs,
  inFlight: 0,
  waitsFor: isFull ? 'trace-archiver' : null,
  bytesFreed: null,
});
