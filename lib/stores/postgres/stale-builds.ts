/**
 * The queries of the producer of finished builds: builds that ended long ago and still have chunk rows, by keyset over
 * the chunks' own index.
 */
import { readCommitState, type CommitState } from './commit-state';
import { readIdentity, type DatabaseIdentity } from './identity';
import type { PostgresPool, Statement } from './pool';
import { isId, wholeOf } from './whole';

interface StalePageRead {
  readonly partitionId: number;
  readonly afterBuildId: number;
  readonly slice: number;
  readonly slices: number;
  readonly buildsMax: number;
  /** How long ago a build must have finished to be due. */
  readonly ageMs: number;
}

interface ChunkedBuildRow {
  readonly buildId: number;
  readonly due: {
    readonly projectId: number;
    readonly status: string;
    readonly finishedAtMs: number;
  } | null;
}

/** The first number that is no id: 2^53. */
const idEnd = '9007199254740992';

interface PageRow {
  readonly buildId: number;
  readonly isDue: boolean;
  readonly projectId: string;
  readonly status: string;
  readonly finishedAtMs: number;
}

/**
 * The keys come from the index on (partition_id, build_id) alone, with the slice as a filter: twelve slices read it
 * twelve times, which costs little beside the look-up of each build by primary key. Builds that are not due come back
 * too, for the cursor. `finished_at` has no time zone and is in UTC.
 *
 * A build with an unusable end (NULL, further in the future than the age reaches into the past, infinite) is due as
 * well, as if it had ended just now: the archiver waits until its chunks have settled. `-infinity` is long ago. A build
 * with an impossible project is set aside.
 *
 * $1 partition_id, $2 build to begin after, $3 builds, $4 age in milliseconds, $5 slice, $6 slices.
 */
export const stalePage: Statement = {
  name: 'stale-builds-page',
  text: `
    WITH keys AS MATERIALIZED (
      SELECT DISTINCT build_id FROM ci_build_trace_chunks
      WHERE partition_id = $1 AND build_id > $2 AND build_id < ${idEnd} AND build_id % $6 = $5
      ORDER BY build_id LIMIT $3
    ), clock AS MATERIALIZED (
      SELECT now() AT TIME ZONE 'utc' AS now, $4::bigint * interval '1 millisecond' AS age
    )
    SELECT keys.build_id AS "buildId", builds.id IS NOT NULL AS "isDue",
           builds.project_id::text AS "projectId", builds.status,
           floor(extract(epoch FROM CASE
             WHEN builds.finished_at < 'epoch' THEN 'epoch'
             WHEN builds.finished_at <= clock.now THEN builds.finished_at
             ELSE clock.now END) * 1000)::bigint AS "finishedAtMs"
    FROM keys CROSS JOIN clock
    LEFT JOIN p_ci_builds AS builds
      ON builds.id = keys.build_id AND builds.partition_id = $1
     AND builds.type = 'Ci::Build' AND builds.status IN ('success', 'failed', 'canceled')
     AND builds.erased_at IS NULL
     AND (builds.finished_at < clock.now - clock.age OR builds.finished_at > clock.now + clock.age
          OR builds.finished_at IS NULL)
    ORDER BY keys.build_id`,
};

/** Rows that no page can name, of all partition_ids: a few, for the report. Two ends of one index. */
const oddBuilds: Statement = {
  name: 'stale-builds-odd',
  text: `
    SELECT DISTINCT partition_id::text AS "partitionId", build_id::text AS "buildId"
    FROM ci_build_trace_chunks
    WHERE partition_id = $1 AND build_id < 1 OR partition_id = $1 AND build_id >= ${idEnd}
    LIMIT 100`,
};

/** $1 partition_id. Null when there is none above. */
const nextPartition: Statement = {
  name: 'stale-builds-next-partition',
  text: `
    SELECT min(partition_id) AS "partitionId" FROM ci_build_trace_chunks WHERE partition_id > $1 AND partition_id < ${idEnd}`,
};

/**
 * The keys in their index's order, a build by its primary key. By itself the planner may sort or hash everything once
 * its estimates are off: after an outage the tables have changed a lot since the last statistics.
 */
export const byKeyset: Statement = {
  name: 'plan-by-keyset',
  text: `
    SELECT set_config('enable_sort', 'off', true),
           set_config('enable_bitmapscan', 'off', true),
           set_config('enable_seqscan', 'off', true),
           set_config('enable_hashagg', 'off', true),
           set_config('enable_hashjoin', 'off', true),
           set_config('enable_mergejoin', 'off', true),
           set_config('max_parallel_workers_per_gather', '0', true)`,
};

export class PostgresBuildDatabase {
  readonly #pool: PostgresPool;

  constructor(pool: PostgresPool) {
    this.#pool = pool;
  }

  /** Rows and identity of one snapshot. @throws PostgresError. */
  readPage(read: StalePageRead): Promise<{
    readonly builds: readonly ChunkedBuildRow[];
    readonly odd: readonly OddBuild[];
    readonly nextPartitionId: number | null;
    readonly database: DatabaseIdentity;
  }> {
    const { partitionId, afterBuildId, slice, slices, buildsMax, ageMs } = read;
    return this.#pool.readSnapshot(async (session) => {
      await session.query(byKeyset);
      const values = [partitionId, afterBuildId, buildsMax, ageMs, slice, slices];
      const rows = await session.query<PageRow>(stalePage, values);
      const [next] =
        rows.length < buildsMax
          ? await session.query<{ partitionId: number | null }>(nextPartition, [partitionId])
          : [];
      const odd =
        slice === 0 && afterBuildId === 0
          ? await session.query<{ partitionId: string; buildId: string }>(oddBuilds, [partitionId])
          : [];
      // After the rows, so that the position is not below what the snapshot saw.
      const database = await readIdentity(session);
      return {
        builds: rows.map(chunkedBuild),
        odd: [
          ...odd.map((row) => oddBuild('ci_build_trace_chunks', row, 'build_id')),
          ...rows.filter(hasOddProject).map(({ buildId }) => {
            const named = { partitionId: String(partitionId), buildId: String(buildId) };
            return oddBuild('p_ci_builds', named, 'project_id');
          }),
        ],
        nextPartitionId: next?.partitionId ?? null,
        database,
      };
    });
  }

  /** @throws PostgresError. */
  readCommitState(): Promise<CommitState> {
    return readCommitState(this.#pool);
  }
}

/** A build, or its chunks, whose ids cannot stand in a record. */
interface OddBuild {
  readonly table: 'p_ci_builds' | 'ci_build_trace_chunks';
  readonly id: string;
  readonly field: string;
  readonly reason: string;
}

const oddBuild = (
  table: OddBuild['table'],
  { partitionId, buildId }: { readonly partitionId: string; readonly buildId: string },
  field: string,
): OddBuild => {
  const reason = 'is no whole number from 1 to 2^53 − 1';
  return { table, id: `${partitionId}:${buildId}`, field, reason };
};

const hasOddProject = ({ isDue, projectId }: PageRow): boolean =>
  isDue && !isId(wholeOf(projectId));

function chunkedBuild(row: PageRow): ChunkedBuildRow {
  const { buildId, isDue, projectId, status, finishedAtMs } = row;
  const project = isDue ? wholeOf(projectId) : 0;
  if (!isId(project)) return { buildId, due: null };
  return { buildId, due: { projectId: project, status, finishedAtMs } };
}
