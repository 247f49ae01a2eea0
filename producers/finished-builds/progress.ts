/** The content of `afterbuild.stale-progress` for a slice, and the sweep's state made from it. Pure. */
import { isSameTimeline } from '../../lib/brake/decide';
import type { Sighting } from '../../lib/brake/database-guard';
import type { DatabaseOrigin, StaleProgress } from '../../schemas/generated';
import { compareCursors, cursorAtStart, type Cursor } from './page';

export const progressKey = (slice: number): string => `stale/${slice}`;

/** For log lines. */
export const cursorName = (slice: number): string =>
  `The cursor ${progressKey(slice)} on afterbuild.stale-progress`;

export interface SweepState {
  /** 0 before the first pass, which counts as complete. */
  readonly pass: number;
  readonly cursor: Cursor;
  readonly complete: boolean;
  readonly begunAtMs: number;
  /** Null before the first time. */
  readonly met: Sighting | null;
}

export const stateAtStart: SweepState = {
  pass: 0,
  cursor: cursorAtStart,
  complete: true,
  begunAtMs: -Infinity,
  met: null,
};

export function stateOf(progress: StaleProgress | undefined): SweepState {
  if (progress === undefined) return stateAtStart;
  const { pass, partitionId, buildId, complete, begunAtMs, origin, atMs } = progress;
  const met = { origin, timestampMs: atMs, by: cursorName(progress.slice) };
  return { pass, cursor: { partitionId, buildId }, complete, begunAtMs, met };
}

export function progressOf(
  slice: number,
  state: Omit<SweepState, 'met'>,
  origin: DatabaseOrigin,
  atMs: number,
): StaleProgress {
  const { pass, cursor, complete, begunAtMs } = state;
  const { systemIdentifier, databaseName, timeline, lsn } = origin;
  return {
    ...{ slice, pass, ...cursor, complete, begunAtMs, atMs },
    origin: { systemIdentifier, databaseName, timeline, lsn },
  };
}

/**
 * The one to go on from. Usually the later record; but a former owner may write its last cursor after
 * the new owner's first, so within one history the further one stands.
 */
export function laterProgress(
  earlier: StaleProgress | undefined,
  later: StaleProgress,
): StaleProgress {
  if (earlier === undefined) return later;
  if (!isSameTimeline(earlier.origin, later.origin)) return later;
  if (earlier.pass !== later.pass) return earlier.pass > later.pass ? earlier : later;
  const byCursor = compareCursors(earlier, later);
  return byCursor > 0 || (byCursor === 0 && earlier.complete) ? earlier : later;
}
