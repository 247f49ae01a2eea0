/**
 * What the producer of expired artifacts asks the source database: shards, pages of due rows, the slot.
 *
 * The ids of a physical partition stand in the statements as literals: a parameter does not prune, and
 * an unpruned page reads the other partitions to their end (150 to 250 ms instead of 2).
 */
import { createHash } from 'node:crypto';
import { readCommitState, type CommitState } from './commit-state';
import { readIdentity, type DatabaseIdentity } from './identity';
import type { PostgresPool, Statement } from './pool';

export interface ArtifactShard {
  /** Physical partition, schema-qualified. */
  readonly name: string;
  readonly partitionIds: readonly number[];
}

export interface DueArtifactRow {
  readonly id: number;
  readonly partitionId: number;
  readonly projectId: number;
  readonly jobId: number;
  readonly expireAtUs: number;
  readonly createdOnDays: number;
  readonly fileType: number;
  readonly file: string | null;
  readonly fileStore: number;
  readonly fileLocation: number | null;
  readonly fileFinalPath: string | null;
  readonly sizeBytes: number | null;
}

export interface DuePageRead {
  readonly kind: 'after';
  readonly expireAtUs: number | null;
  readonly upToUs: number | null;
  readonly rowsMax: number;
}

export interface TiePageRead {
  readonly kind: 'tie';
  readonly expireAtUs: number;
  readonly jobId: number | null;
  readonly rowsMax: number;
}

/** A partition that the sweep cannot name by integer literals. */
export class UnsupportedPartitionError extends Error {
  override readonly name = 'UnsupportedPartitionError';
}

const columns = `
  (extract(epoch FROM expire_at) * 1000000)::bigint AS "expireAtUs",
  id, partition_id AS "partitionId", project_id AS "projectId", job_id AS "jobId",
  (created_at AT TIME ZONE 'UTC')::date - date '1970-01-01' AS "createdOnDays",
  file_type AS "fileType", file, file_store AS "fileStore", file_location AS "fileLocation",
  file_final_path AS "fileFinalPath", size AS "sizeBytes"`;

/** Prepared statements are known by name, so each literal list gets a name of its own. */
function named(purpose: string, text: string): Statement {
  const digest = createHash('sha256').update(text).digest('hex').slice(0, 16);
  return { name: `${purpose}-${digest}`, text };
}

function literalsOf(partitionIds: readonly number[]): string {
  if (partitionIds.length === 0 || !partitionIds.every(Number.isSafeInteger)) {
    throw new UnsupportedPartitionError('A partition of p_ci_job_artifacts has no integer ids.');
  }
  return partitionIds.join(', ');
}

/**
 * The partial index's own predicate, one order, a limit: no DISTINCT, no join, no OFFSET.
 * $1 expire_at to begin after, $2 margin in milliseconds, $3 expire_at to end with.
 */
export const duePage = (partitionIds: readonly number[], rowsMax: number): Statement =>
  named(
    'due-page',
    `SELECT ${columns}
     FROM p_ci_job_artifacts
     WHERE partition_id IN (${literalsOf(partitionIds)})
       AND expire_at > $1::timestamptz
       AND expire_at <= least(now() - $2::bigint * interval '1 millisecond', $3::timestamptz)
       AND locked = 0 AND file_type <> 3 AND file_store = 2
     ORDER BY expire_at LIMIT ${rowsMax}`,
  );

/**
 * One group of a shared expire_at, by job. It also reads the group's locked rows: for groups only.
 * $1 the group's expire_at, $2 job_id to begin after.
 */
export const tiePage = (partitionIds: readonly number[], rowsMax: number): Statement =>
  named(
    'tie-page',
    `SELECT ${columns}
     FROM p_ci_job_artifacts
     WHERE partition_id IN (${literalsOf(partitionIds)})
       AND expire_at = $1::timestamptz AND job_id > $2
       AND locked = 0 AND file_type <> 3 AND file_store = 2
     ORDER BY job_id FETCH FIRST ${rowsMax} ROWS WITH TIES`,
  );

/**
 * A page must come from an index in its order. Left alone the planner prefers to sort: the whole
 * partition once its plan turns generic (255 ms a page instead of 10), the whole group of a shared
 * expire_at at once (86 ms instead of 5). Holds until the transaction ends.
 */
export const inIndexOrder: Statement = {
  name: 'plan-in-index-order',
  text: `
    SELECT set_config('enable_sort', 'off', true),
           set_config('enable_bitmapscan', 'off', true),
           set_config('enable_seqscan', 'off', true),
           set_config('max_parallel_workers_per_gather', '0', true)`,
};

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

/** As PostgreSQL reads it, to the microsecond. */
export function timestampOf(us: number | null, unbounded: '-infinity' | 'infinity'): string {
  if (us === null) return unbounded;
  const ms = Math.floor(us / 1_000);
  const fraction = String(us - ms * 1_000).padStart(3, '0');
  return new Date(ms).toISOString().replace('Z', `${fraction}Z`);
}

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
    const ids = shard.partitionIds;
    const [statement, values] =
      read.kind === 'tie'
        ? [tiePage(ids, read.rowsMax), [timestampOf(read.expireAtUs, 'infinity'), read.jobId ?? -1]]
        : [
            duePage(ids, read.rowsMax),
            [
              timestampOf(read.expireAtUs, '-infinity'),
              this.#marginMs,
              timestampOf(read.upToUs, 'infinity'),
            ],
          ];
    return this.#pool.readSnapshot(async (session) => {
      await session.query(inIndexOrder);
      const rows = await session.query<DueArtifactRow>(statement, values);
      // After the rows, so that the position is not below what the snapshot saw.
      return { rows, database: await readIdentity(session) };
    });
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
