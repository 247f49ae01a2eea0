/**
 * The queries of the producer of expired artifacts: shards, pages of due rows, the slot.
 *
 * The ids of a physical partition stand in the statements as literals: a parameter does not prune, and an unpruned page
 * reads the other partitions to their end (150 to 250 ms instead of 2).
 */
import { readCommitState, type CommitState } from './commit-state';
import { countDue, type DueCount } from './due-count';
import { inIndexOrder, literalsOf, named, UnsupportedPartitionError } from './due-statements';
import { readIdentity, type DatabaseIdentity } from './identity';
import { infinity, type Instant, instantOfEpoch, minusInfinity, timestampOf } from './instant';
import type { PostgresPool, Statement } from './pool';
import { type Whole, wholeOf } from './whole';

interface ArtifactShard {
  /** Physical partition, schema-qualified. */
  readonly name: string;
  readonly partitionIds: readonly number[];
}

/** The values that the column's type allows, not only those that GitLab writes. */
interface DueArtifactRow {
  readonly id: Whole;
  readonly partitionId: number;
  readonly projectId: Whole;
  readonly jobId: Whole;
  readonly expireAt: Instant;
  readonly createdAt: Instant;
  readonly fileType: number;
  readonly file: string | null;
  readonly fileStore: number | null;
  readonly fileLocation: number | null;
  readonly fileFinalPath: string | null;
  readonly sizeBytes: Whole | null;
}

interface RawRow {
  readonly id: string;
  readonly partitionId: number;
  readonly projectId: string;
  readonly jobId: string;
  readonly expireAt: string;
  readonly createdAt: string;
  readonly fileType: number;
  readonly file: string | null;
  readonly fileStore: number | null;
  readonly fileLocation: number | null;
  readonly fileFinalPath: string | null;
  readonly sizeBytes: string | null;
}

interface DuePageRead {
  readonly kind: 'after';
  readonly expireAt: Instant | null;
  readonly upTo: Instant | null;
  readonly rowsMax: number;
}

interface TiePageRead {
  readonly kind: 'tie';
  readonly expireAt: Instant;
  readonly jobId: bigint | null;
  readonly rowsMax: number;
}

/**
 * No single row can make this fail: there is no cast to a narrower type than the column's, and no arithmetic with
 * values that may be infinite. A name longer than a key may be is cut behind the byte that shows it.
 */
const columns = `
  extract(epoch FROM expire_at)::text AS "expireAt", extract(epoch FROM created_at)::text AS "createdAt",
  id::text, partition_id AS "partitionId", project_id::text AS "projectId", job_id::text AS "jobId",
  file_type AS "fileType", left(file, 1025) AS file, file_store AS "fileStore",
  file_location AS "fileLocation", left(file_final_path, 1025) AS "fileFinalPath",
  size::text AS "sizeBytes"`;

type Beginning = 'from' | 'after';

/**
 * The partial index's own predicate, one order, a limit: no DISTINCT, no join, no OFFSET. And no filter
 * beside it (`file_store = 2`): the page says where the next one begins, so rows that it leaves out would
 * be read again at every look, by the hundred thousand where artifacts are kept on a disk.
 * $1 expire_at to begin after (or from: nothing is after -infinity but before it), $2 margin in
 * milliseconds, $3 expire_at to end with.
 */
export const duePage = (
  partitionIds: readonly number[],
  rowsMax: number,
  beginning: Beginning,
): Statement =>
  named(
    'due-page',
    `SELECT ${columns}
     FROM p_ci_job_artifacts
     WHERE partition_id IN (${literalsOf(partitionIds)})
       AND expire_at ${beginning === 'from' ? '>=' : '>'} $1::timestamptz
       AND expire_at <= least(now() - $2::bigint * interval '1 millisecond', $3::timestamptz)
       AND locked = 0 AND file_type <> 3
     ORDER BY expire_at LIMIT ${rowsMax}`,
  );

/**
 * One group of a shared expire_at, by job. It also reads the group's locked rows: for groups only.
 * $1 the group's expire_at, $2 job_id to begin after (or from).
 */
export const tiePage = (
  partitionIds: readonly number[],
  rowsMax: number,
  beginning: Beginning,
): Statement =>
  named(
    'tie-page',
    `SELECT ${columns}
     FROM p_ci_job_artifacts
     WHERE partition_id IN (${literalsOf(partitionIds)})
       AND expire_at = $1::timestamptz AND job_id ${beginning === 'from' ? '>=' : '>'} $2
       AND locked = 0 AND file_type <> 3
     ORDER BY job_id FETCH FIRST ${rowsMax} ROWS WITH TIES`,
  );

const shardsStatement: Statement = {
  name: 'list-artifact-partitions',
  text: `
    SELECT format('%s.%s', space.nspname, child.relname) AS "name",
           pg_get_expr(child.relpartbound, child.oid) AS "bound"
    FROM pg_inherits
    JOIN pg_class AS child ON child.oid = pg_inherits.inhrelid
    JOIN pg_namespace AS space ON space.oid = child.relnamespace
    WHERE pg_inherits.inhparent = to_regclass('p_ci_job_artifacts')
    ORDER BY 1`,
};

const slotStatement: Statement = {
  name: 'slot-is-ready',
  text: `
    SELECT EXISTS (
      SELECT FROM pg_replication_slots
      WHERE slot_name = $1 AND database = current_database() AND confirmed_flush_lsn IS NOT NULL
        -- A slot that the server has invalidated keeps its position: nothing is streamed from it any more.
        AND wal_status IS DISTINCT FROM 'lost'
    ) AS "ready"`,
};

/** @throws UnsupportedPartitionError for DEFAULT, NULL and anything but a list of integers. */
export function partitionIdsOf(name: string, bound: string): number[] {
  const list = /^FOR VALUES IN \((.+)\)$/.exec(bound)?.[1];
  const ids = list?.split(', ').map((literal) => /^'?([0-9]{1,15})'?$/.exec(literal)?.[1]);
  if (ids === undefined || ids.includes(undefined)) {
    throw new UnsupportedPartitionError(
      `The partition ${name} of p_ci_job_artifacts is not a list of partition_ids (${bound}), so it ` +
        'cannot be swept: detach it or give it a list of integers.',
    );
  }
  return ids.map(Number);
}

const firstBigint = -(2n ** 63n);

function askOf(ids: readonly number[], read: DuePageRead | TiePageRead, marginMs: number): Ask {
  if (read.kind === 'tie') {
    const { expireAt, jobId, rowsMax } = read;
    const statement = tiePage(ids, rowsMax, jobId === null ? 'from' : 'after');
    return { statement, values: [timestampOf(expireAt), (jobId ?? firstBigint).toString()] };
  }
  const { expireAt, upTo, rowsMax } = read;
  const statement = duePage(ids, rowsMax, expireAt === null ? 'from' : 'after');
  const bounds = [timestampOf(expireAt ?? minusInfinity), timestampOf(upTo ?? infinity)];
  return { statement, values: [bounds[0], marginMs, bounds[1]] };
}

interface Ask {
  readonly statement: Statement;
  readonly values: readonly unknown[];
}

const rowOf = (raw: RawRow): DueArtifactRow => ({
  ...raw,
  id: wholeOf(raw.id),
  projectId: wholeOf(raw.projectId),
  jobId: wholeOf(raw.jobId),
  expireAt: instantOfEpoch(raw.expireAt),
  createdAt: instantOfEpoch(raw.createdAt),
  sizeBytes: raw.sizeBytes === null ? null : wholeOf(raw.sizeBytes),
});

export class PostgresArtifactDatabase {
  readonly #pool: PostgresPool;
  readonly #marginMs: number;

  /** @param marginMs how long an expiry must lie in the past before a page passes it. */
  constructor(pool: PostgresPool, marginMs: number) {
    this.#pool = pool;
    this.#marginMs = marginMs;
  }

  /** @throws UnsupportedPartitionError, also when the table has no partition at all. */
  async shards(): Promise<readonly ArtifactShard[]> {
    const rows = await this.#pool.query<{ name: string; bound: string }>(shardsStatement);
    if (rows.length === 0) {
      throw new UnsupportedPartitionError(
        'p_ci_job_artifacts has no partitions in this database: is it GitLab’s CI database?',
      );
    }
    return rows.map(({ name, bound }) => ({ name, partitionIds: partitionIdsOf(name, bound) }));
  }

  /** Rows and identity of one snapshot. */
  readPage(
    shard: ArtifactShard,
    read: DuePageRead | TiePageRead,
  ): Promise<{ readonly rows: readonly DueArtifactRow[]; readonly database: DatabaseIdentity }> {
    const { statement, values } = askOf(shard.partitionIds, read, this.#marginMs);
    return this.#pool.readSnapshot(async (session) => {
      await session.query(inIndexOrder);
      const rows = await session.query<RawRow>(statement, values);
      // After the rows, so that the position is not below what the snapshot saw.
      return { rows: rows.map(rowOf), database: await readIdentity(session) };
    });
  }

  /** How much is due after the watermark (due-count.ts). @throws PostgresError. */
  countDue({ partitionIds }: ArtifactShard, after: Instant | null): Promise<DueCount> {
    return this.#pool.readSnapshot((session) =>
      countDue(session, partitionIds, after, this.#marginMs),
    );
  }

  /** @throws PostgresError. */
  readCommitState(): Promise<CommitState> {
    return readCommitState(this.#pool);
  }

  /** Whether the slot exists, has reached its consistent point, and can be streamed from. */
  async slotIsReady(slot: string): Promise<boolean> {
    const [row] = await this.#pool.query<{ ready: boolean }>(slotStatement, [slot]);
    return row?.ready ?? false;
  }
}
