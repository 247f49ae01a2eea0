/** What `afterbuild.progress` says about a shard, and the sweeps' state made of it. Pure. */
import type { DatabaseOrigin, SweepProgress } from '../../schemas/generated';
import { compareCursors, cursorAtStart, type Cursor } from './page';

export type SweepKind = 'due' | 'full';

/** Key of a watermark, and by the due sweep's the owner of the shard. */
export const progressKey = (sweep: SweepKind, shard: string): string => `${sweep}/${shard}`;

export interface SweepState {
  readonly epoch: number;
  readonly cursor: Cursor;
  readonly complete: boolean;
  /** When the cursor was written; null before the first time. */
  readonly atMs: number | null;
  /** The database that it stands for; null before the first time. */
  readonly origin: DatabaseOrigin | null;
}

export const stateAtStart: SweepState = {
  epoch: 0,
  cursor: cursorAtStart,
  complete: false,
  atMs: null,
  origin: null,
};

export function stateOf(progress: SweepProgress | undefined): SweepState {
  if (progress === undefined) return stateAtStart;
  const { tieExpireAtUs, systemIdentifier, databaseName, timeline, lsn } = progress;
  return {
    epoch: progress.epoch,
    cursor: {
      expireAtUs: progress.expireAtUs,
      tie: tieExpireAtUs === null ? null : { expireAtUs: tieExpireAtUs, jobId: progress.tieJobId },
    },
    complete: progress.complete,
    atMs: progress.atMs,
    origin: { systemIdentifier, databaseName, timeline, lsn },
  };
}

export function progressOf(
  sweep: SweepKind,
  shard: string,
  state: SweepState & { readonly atMs: number; readonly origin: DatabaseOrigin },
): SweepProgress {
  const { systemIdentifier, databaseName, timeline, lsn } = state.origin;
  return {
    sweep,
    shard,
    epoch: state.epoch,
    expireAtUs: state.cursor.expireAtUs,
    tieExpireAtUs: state.cursor.tie?.expireAtUs ?? null,
    tieJobId: state.cursor.tie?.jobId ?? null,
    complete: state.complete,
    atMs: state.atMs,
    systemIdentifier,
    databaseName,
    timeline,
    lsn,
  };
}

/**
 * The one to go on from. Usually the later record; but a former owner may write its last watermark after
 * the new owner's first, and every watermark ever written is true, so within one history and epoch the
 * further one stands.
 */
export function laterProgress(
  earlier: SweepProgress | undefined,
  later: SweepProgress,
): SweepProgress {
  if (earlier === undefined) return later;
  const isSameHistory =
    earlier.systemIdentifier === later.systemIdentifier &&
    earlier.databaseName === later.databaseName &&
    earlier.timeline === later.timeline;
  if (!isSameHistory) return later;
  if (earlier.epoch !== later.epoch) return earlier.epoch > later.epoch ? earlier : later;
  const byCursor = compareCursors(stateOf(earlier).cursor, stateOf(later).cursor);
  return byCursor > 0 || (byCursor === 0 && earlier.complete) ? earlier : later;
}
