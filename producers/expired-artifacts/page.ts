/**
 * Where a sweep stands in one shard, and what a page that was read makes of that. Pure.
 *
 * A page asks for one row more than it keeps and drops the last distinct `expire_at`, which may be cut.
 * When a whole page has one value (GitLab gave whole months of artifacts one midnight), that group is
 * walked by job_id instead; a job has few artifacts, so its ties are bounded where those of an
 * `expire_at` are not. The cursor only moves forward.
 */

export interface Cursor {
  /** Every due row up to and including this expire_at has been produced; null before the first page. */
  readonly expireAtUs: number | null;
  /** Set while a group of rows that share one expire_at is walked. */
  readonly tie: TieCursor | null;
}

export interface TieCursor {
  readonly expireAtUs: number;
  /** Last job_id produced; null before the group's first page. */
  readonly jobId: number | null;
}

export const cursorAtStart: Cursor = { expireAtUs: null, tie: null };

/** What to ask the database for next. */
export type DueRead =
  | {
      readonly kind: 'after';
      readonly expireAtUs: number | null;
      /** Rows behind this are somebody else's; null for no bound but the clock. */
      readonly upToUs: number | null;
      /** LIMIT: one more than a page keeps. */
      readonly rowsMax: number;
    }
  | {
      readonly kind: 'tie';
      readonly expireAtUs: number;
      readonly jobId: number | null;
      /** FETCH FIRST … WITH TIES: the last job's artifacts come whole. */
      readonly rowsMax: number;
    };

export interface PlacedRow {
  readonly expireAtUs: number;
  readonly jobId: number;
}

export interface SettledPage<Row> {
  /** To be produced before the cursor is written. */
  readonly kept: readonly Row[];
  readonly cursor: Cursor;
  /** Nothing that is due was left unread. */
  readonly caughtUp: boolean;
}

/** @param pageRows rows that a page keeps at most (a tie page a job's artifacts more). */
export function nextRead(cursor: Cursor, pageRows: number, upToUs: number | null = null): DueRead {
  return cursor.tie
    ? { kind: 'tie', ...cursor.tie, rowsMax: pageRows }
    : { kind: 'after', expireAtUs: cursor.expireAtUs, upToUs, rowsMax: pageRows + 1 };
}

/** @param rows what `nextRead(cursor, pageRows)` gave, in its order. */
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
    return { kept: rows, cursor: { expireAtUs: last.expireAtUs, tie: null }, caughtUp: true };
  }
  const kept = rows.filter((row) => row.expireAtUs < last.expireAtUs);
  const lastKept = kept.at(-1);
  return {
    kept,
    cursor: lastKept
      ? { expireAtUs: lastKept.expireAtUs, tie: null }
      : { ...cursor, tie: { expireAtUs: last.expireAtUs, jobId: null } },
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
      ? { expireAtUs: tie.expireAtUs, tie: null }
      : { ...cursor, tie: { expireAtUs: tie.expireAtUs, jobId: last.jobId } },
    caughtUp: false,
  };
}

/** Above 0 when `left` stands further than `right`. */
export function compareCursors(left: Cursor, right: Cursor): number {
  const byWatermark = (left.expireAtUs ?? -Infinity) - (right.expireAtUs ?? -Infinity);
  if (!Number.isNaN(byWatermark) && byWatermark !== 0) return byWatermark;
  if (left.tie && right.tie) {
    return (
      left.tie.expireAtUs - right.tie.expireAtUs || (left.tie.jobId ?? -1) - (right.tie.jobId ?? -1)
    );
  }
  return Number(left.tie !== null) - Number(right.tie !== null);
}
