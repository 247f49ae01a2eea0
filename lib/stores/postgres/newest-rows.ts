/**
 * Which rows were committed to a table lately, by primary key, and which transactions were open: for the proof that
 * changes arrive.
 */
import type { PostgresSession, Statement } from './pool';

interface NewestRows {
  /** Highest visible id; null while the table is empty. */
  readonly newestId: number | null;
  /** Rows above the requested id, counted up to a thousand. */
  readonly newRows: number;
  /** End of the log once they were seen, in bytes; null on a standby. */
  readonly lsn: number | null;
  /** Transactions below have ended... */
  readonly runningFrom: number;
  /** ...and none from here on has begun. */
  readonly nextTransaction: number;
}

const rowsMax = 1_000;

/**
 * One probe of the primary key's index a partition. A snapshot does not name a running transaction that is
 * newer than the last one that has ended, so the next id comes from the age of its upper bound.
 * $1 id to count above.
 */
const newestRows = (table: string): Statement => ({
  name: `newest-rows-${table}`,
  text: `
    SELECT (SELECT max(id) FROM ${table}) AS "newestId",
           (SELECT count(*)::int
            FROM (SELECT id FROM ${table} WHERE id > $1 ORDER BY id LIMIT ${rowsMax}) AS fresh
           ) AS "newRows",
           CASE WHEN NOT pg_is_in_recovery()
                THEN (pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::bigint
           END AS "lsn",
           pg_snapshot_xmin(now.snapshot)::text::bigint AS "runningFrom",
           (now.xmax + age((now.xmax % 4294967296)::text::xid))::bigint AS "nextTransaction"
    FROM (SELECT snapshot, pg_snapshot_xmax(snapshot)::text::bigint AS xmax
          FROM pg_current_snapshot() AS snapshot) AS now`,
});

/**
 * @param table one of our own names, schema-qualified.
 * @param aboveId the highest id of the previous check; null at first, when nothing is counted.
 * @throws PostgresError
 */
export async function readNewestRows(
  session: PostgresSession,
  table: string,
  aboveId: number | null,
): Promise<NewestRows> {
  const [found] = await session.query<NewestRows>(newestRows(table), [
    aboveId ?? '9223372036854775807',
  ]);
  if (found === undefined) throw new Error(`PostgreSQL did not say how ${table} stands.`);
  return found;
}
