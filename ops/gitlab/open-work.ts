/** How much work the pipeline has left, by the database: for progress, and to know when to verify. */
import type { Queryable } from './rows';

interface OpenWork {
  /** Rows that may be deleted now. */
  readonly due: number;
  /** Unlocked rows that expire within the given time. */
  readonly soon: number;
  /** All rows that are no traces. */
  readonly artifacts: number;
}

/** The work that is left, by the database's clock: for progress, and to know when to verify. */
export async function countOpenWork(pool: Queryable, soonMs: number): Promise<OpenWork> {
  const { rows } = await pool.query<{ due: number; soon: number; artifacts: number }>(
    `SELECT count(*) FILTER (WHERE may_go AND expire_at < now())::int AS due,
       count(*) FILTER (WHERE may_go AND expire_at >= now()
         AND expire_at < now() + $1 * interval '1 millisecond')::int AS soon,
       count(*)::int AS artifacts
     FROM (SELECT expire_at, locked = 0 AND file_store = 2 AS may_go
           FROM p_ci_job_artifacts WHERE file_type <> 3) AS artifact`,
    [soonMs],
  );
  return rows[0] as OpenWork;
}

/** Finished builds whose trace is still in chunks. */
export async function countOpenTraces(pool: Queryable): Promise<number> {
  const { rows } = await pool.query<{ builds: number }>(
    `SELECT count(DISTINCT chunk.build_id)::int AS builds
     FROM ci_build_trace_chunks AS chunk
     JOIN p_ci_builds AS build
       ON build.id = chunk.build_id AND build.partition_id = chunk.partition_id
     WHERE build.status IN ('success', 'failed', 'canceled')`,
  );
  return rows[0]?.builds ?? 0;
}
