/** What `afterbuild.progress` says about a shard, and the sweeps' state made of it. Pure. */
import { isSameTimeline } from '../../lib/brake/decide';
import { quoted } from '../../lib/process/printable';
import type { DatabaseOrigin, SweepProgress } from '../../schemas/generated';
import { type Instant, readInstant, writeInstant } from '../../lib/stores/postgres/instant';
import { compareCursors, cursorAtStart, type Cursor } from './page';

export type SweepKind = 'due' | 'full';

/** Key of a watermark, and by the due sweep's the owner of the shard. */
export const progressKey = (sweep: SweepKind, shard: string): string => `${sweep}/${shard}`;

/** For log lines. */
export const watermarkOf = (sweep: string, shard: string): string =>
  `The watermark ${quoted(`${sweep}/${shard}`)} on afterbuild.progress`;

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

/** A watermark lies before the clock by which it is written; clocks differ by less. */
export const aheadMaxUs = 86_400_000_000n;

export function stateOf(progress: SweepProgress | undefined): SweepState {
  if (progress === undefined) return stateAtStart;
  const { systemIdentifier, databaseName, timeline, lsn } = progress;
  return {
    epoch: progress.epoch,
    cursor: cursorOf(progress),
    complete: progress.complete,
    atMs: progress.atMs,
    origin: { systemIdentifier, databaseName, timeline, lsn },
  };
}

/** Versions before 2 wrote numbers only, and those below −2^52 with their sign changed: far ahead. */
function cursorOf(progress: SweepProgress): Cursor {
  const expireAt = instantOf(progress.expireAt, progress.expireAtUs);
  if (expireAt !== null && expireAt > BigInt(progress.atMs) * 1_000n + aheadMaxUs) {
    return cursorAtStart;
  }
  const tieExpireAt = instantOf(progress.tieExpireAt, progress.tieExpireAtUs);
  const job = progress.tieJob ?? progress.tieJobId;
  const jobId = job === null ? null : BigInt(job);
  return { expireAt, tie: tieExpireAt === null ? null : { expireAt: tieExpireAt, jobId } };
}

function instantOf(text: string | null, us: number | null): Instant | null {
  if (text !== null) return readInstant(text);
  return us === null ? null : BigInt(us);
}

export function progressOf(
  sweep: SweepKind,
  shard: string,
  state: SweepState & { readonly atMs: number; readonly origin: DatabaseOrigin },
): SweepProgress {
  const { systemIdentifier, databaseName, timeline, lsn } = state.origin;
  const { expireAt, tie } = state.cursor;
  return {
    sweep,
    shard,
    epoch: state.epoch,
    ...olderNames(state.cursor),
    complete: state.complete,
    atMs: state.atMs,
    systemIdentifier,
    databaseName,
    timeline,
    lsn,
    expireAt: expireAt === null ? null : writeInstant(expireAt),
    tieExpireAt: tie === null ? null : writeInstant(tie.expireAt),
    tieJob: tie?.jobId?.toString() ?? null,
  };
}

/**
 * The cursor for versions before 2, where their reader takes it for what it is; else they begin at the
 * beginning, which only costs them time.
 */
function olderNames({ expireAt, tie }: Cursor): OlderNames {
  const beginning = { expireAtUs: null, tieExpireAtUs: null, tieJobId: null };
  const all = [expireAt, tie?.expireAt ?? null, tie?.jobId ?? null];
  if (all.some((long) => long !== null && (long < -olderMax || long > olderMax))) return beginning;
  const [expireAtUs, tieExpireAtUs, tieJobId] = all.map((long) =>
    long === null ? null : Number(long),
  );
  return {
    expireAtUs: expireAtUs ?? null,
    tieExpireAtUs: tieExpireAtUs ?? null,
    tieJobId: tieJobId ?? null,
  };
}

type OlderNames = Pick<SweepProgress, 'expireAtUs' | 'tieExpireAtUs' | 'tieJobId'>;
const olderMax = 2n ** 52n;

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
  if (!isSameTimeline(earlier, later)) return later;
  if (earlier.epoch !== later.epoch) return earlier.epoch > later.epoch ? earlier : later;
  const byCursor = compareCursors(stateOf(earlier).cursor, stateOf(later).cursor);
  return byCursor > 0 || (byCursor === 0 && earlier.complete) ? earlier : later;
}
