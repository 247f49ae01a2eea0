/**
 * The cursor of a sweep in one shard, and its next value after a page. Pure.
 *
 * A page asks for one row more than it keeps and drops the last distinct `expire_at`, which may be cut. When a whole
 * page has one value (GitLab gave whole months of artifacts one midnight), that group is walked by job_id instead; a
 * job has few artifacts, so its ties are bounded where those of an `expire_at` are not. The cursor only moves forward,
 * also over rows that are not to be produced; otherwise they would be read again each time.
 */
import type { Instant } from '../../lib/stores/postgres/instant';
import type { Whole } from '../../lib/stores/postgres/whole';

export interface Cursor {
  /** Every due row up to and including this expire_at has been produced; null before the first page. */
  readonly expireAt: Instant | null;
  /** Set while a group of rows that share one expire_at is walked. */
  readonly tie: TieCursor | null;
}

interface TieCursor {
  readonly expireAt: Instant;
  /** Last job_id produced; null before the group's first page. */
  readonly jobId: bigint | null;
}

export const cursorAtStart: Cursor = { expireAt: null, tie: null };

/** The next read of the database. */
export type DueRead =
  | {
      readonly kind: 'after';
      readonly expireAt: Instant | null;
      /** Rows behind this belong to the due sweep; null for no bound but the clock. */
      readonly upTo: Instant | null;
      /** LIMIT: one more than a page keeps. */
      readonly rowsMax: number;
    }
  | {
      readonly kind: 'tie';
      readonly expireAt: Instant;
      readonly jobId: bigint | null;
      /** FETCH FIRST … WITH TIES: the last job's artifacts come whole. */
      readonly rowsMax: number;
    };

interface PlacedRow {
  readonly expireAt: Instant;
  readonly jobId: Whole;
}

export interface SettledPage<Row> {
  /** To be produced before the cursor is written. */
  readonly kept: readonly Row[];
  readonly cursor: Cursor;
  /** No due row was left unread. */
  readonly caughtUp: boolean;
}

/** @param pageRows rows that a page keeps at most (a tie page a job's artifacts more). */
export function nextRead(cursor: Cursor, pageRows: number, upTo: Instant | null = null): DueRead {
  return cursor.tie
    ? { kind: 'tie', ...cursor.tie, rowsMax: pageRows }
    : { kind: 'after', expireAt: cursor.expireAt, upTo, rowsMax: pageRows + 1 };
}

/** @param rows the result of `nextRead(cursor, pageRows)`, in its order. */
export function settlePage<Row extends PlacedRow>(
  cursor: Cursor,
  rows: readonly Row[],
  pageRows: number,
): SettledPage<Row> {
  return cursor.tie
    ? settleTie(cursor, cursor.tie, rows, pageRows)
    : settle(cursor, rows, pageRows);
}

function settle<Row extends PlacedRow>(
  cursor: Cursor,
  rows: readonly Row[],
  pageRows: number,
): SettledPage<Row> {
  const last = rows.at(-1);
  if (last === undefined) return { kept: [], cursor, caughtUp: true };
  if (rows.length <= pageRows) {
    return { kept: rows, cursor: { expireAt: last.expireAt, tie: null }, caughtUp: true };
  }
  const kept = rows.filter((row) => row.expireAt < last.expireAt);
  const lastKept = kept.at(-1);
  return {
    kept,
    cursor: lastKept
      ? { expireAt: lastKept.expireAt, tie: null }
      : { ...cursor, tie: { expireAt: last.expireAt, jobId: null } },
    caughtUp: false,
  };
}

function settleTie<Row extends PlacedRow>(
  cursor: Cursor,
  tie: TieCursor,
  rows: readonly Row[],
  pageRows: number,
): SettledPage<Row> {
  const last = rows.at(-1);
  const groupEnds = last === undefined || rows.length < pageRows;
  return {
    kept: rows,
    cursor: groupEnds
      ? { expireAt: tie.expireAt, tie: null }
      : { ...cursor, tie: { expireAt: tie.expireAt, jobId: BigInt(last.jobId) } },
    caughtUp: false,
  };
}

/** Above 0 when `left` is further than `right`. */
export function compareCursors(left: Cursor, right: Cursor): number {
  const byWatermark = compare(left.expireAt, right.expireAt);
  if (byWatermark !== 0) return byWatermark;
  if (left.tie && right.tie) {
    return (
      compare(left.tie.expireAt, right.tie.expireAt) || compare(left.tie.jobId, right.tie.jobId)
    );
  }
  return Number(left.tie !== null) - Number(right.tie !== null);
}

/** Null comes before everything, also before -infinity. */
function compare(left: bigint | null, right: bigint | null): number {
  if (left === null || right === null) return Number(left !== null) - Number(right !== null);
  return left === right ? 0 : left > right ? 1 : -1;
}
