/**
 * GitLab's inserts in bulk: thousands of rows a statement, triggers and foreign keys on.
 *
 * The tables' triggers assign the ids. They rise in the order of insertion, so the sorted ids of a statement belong to
 * its rows one by one.
 */
import type { PoolClient } from 'pg';

interface NewPipeline {
  readonly partitionId: number;
  readonly projectId: number;
  readonly locked: boolean;
  readonly createdAtMs: number;
  readonly status: string;
}

interface NewBuild {
  readonly partitionId: number;
  readonly projectId: number;
  readonly pipelineId: number;
  readonly createdAtMs: number;
  readonly status: string;
  /** Null while it has not finished. */
  readonly finishedAtMs: number | null;
  readonly type: 'Ci::Build' | 'Ci::Bridge';
}

export interface NewArtifactRow {
  readonly partitionId: number;
  readonly projectId: number;
  readonly jobId: number;
  readonly fileType: number;
  readonly sizeBytes: number;
  readonly createdAtMs: number;
  readonly expireAtMs: number | null;
  readonly locked: number;
  readonly file: string | null;
  readonly fileStore: number;
  readonly fileLocation: number | null;
  readonly fileFinalPath: string | null;
}

/** Runs a statement: a pool, or a client inside a transaction. */
export type Queryable = Pick<PoolClient, 'query'>;

async function insertedIds(
  client: Queryable,
  sql: string,
  columns: unknown[][],
): Promise<number[]> {
  const { rows } = await client.query<{ id: string }>(sql, columns);
  return rows.map(({ id }) => Number(id)).sort((a, b) => a - b);
}

/** @returns the new projects' ids. */
export async function insertProjects(client: Queryable, count: number): Promise<number[]> {
  return insertedIds(
    client,
    `INSERT INTO projects (name, path, namespace_id, created_at, updated_at)
     SELECT 'project ' || n, 'project-' || n, 1, now(), now() FROM unnest($1::int[]) AS t(n)
     RETURNING id`,
    [Array.from({ length: count }, (_, index) => index + 1)],
  );
}

export async function insertPipelines(
  client: Queryable,
  pipelines: readonly NewPipeline[],
): Promise<number[]> {
  return insertedIds(
    client,
    `INSERT INTO p_ci_pipelines (partition_id, project_id, locked, status, ref, source,
       created_at, updated_at)
     SELECT partition_id, project_id, locked, status, 'main', 1,
       to_timestamp(created_ms / 1000) AT TIME ZONE 'utc', now() AT TIME ZONE 'utc'
     FROM unnest($1::bigint[], $2::bigint[], $3::smallint[], $4::text[], $5::float8[])
       WITH ORDINALITY AS t(partition_id, project_id, locked, status, created_ms, place)
     ORDER BY place RETURNING id`,
    [
      pipelines.map((pipeline) => pipeline.partitionId),
      pipelines.map((pipeline) => pipeline.projectId),
      pipelines.map((pipeline) => (pipeline.locked ? 1 : 0)),
      pipelines.map((pipeline) => pipeline.status),
      pipelines.map((pipeline) => pipeline.createdAtMs),
    ],
  );
}

export async function insertBuilds(
  client: Queryable,
  builds: readonly NewBuild[],
): Promise<number[]> {
  return insertedIds(
    client,
    `INSERT INTO p_ci_builds (partition_id, project_id, commit_id, type, status, name, ref,
       stage_idx, created_at, updated_at, finished_at)
     SELECT partition_id, project_id, pipeline_id, type, status, 'job', 'main', 0,
       to_timestamp(created_ms / 1000) AT TIME ZONE 'utc', now() AT TIME ZONE 'utc',
       to_timestamp(finished_ms / 1000) AT TIME ZONE 'utc'
     FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::float8[],
         $7::float8[])
       WITH ORDINALITY AS t(partition_id, project_id, pipeline_id, type, status, created_ms,
         finished_ms, place)
     ORDER BY place RETURNING id`,
    [
      builds.map((build) => build.partitionId),
      builds.map((build) => build.projectId),
      builds.map((build) => build.pipelineId),
      builds.map((build) => build.type),
      builds.map((build) => build.status),
      builds.map((build) => build.createdAtMs),
      builds.map((build) => build.finishedAtMs),
    ],
  );
}

export async function insertArtifactRows(
  client: Queryable,
  artifacts: readonly NewArtifactRow[],
): Promise<number[]> {
  return insertedIds(
    client,
    `INSERT INTO p_ci_job_artifacts (partition_id, project_id, job_id, file_type, size, created_at,
       updated_at, expire_at, locked, file, file_store, file_location, file_final_path)
     SELECT partition_id, project_id, job_id, file_type, size, to_timestamp(created_ms / 1000),
       now(), to_timestamp(expire_ms / 1000), locked, file, file_store, file_location, final_path
     FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::int[], $5::bigint[], $6::float8[],
         $7::float8[], $8::smallint[], $9::text[], $10::int[], $11::smallint[], $12::text[])
       WITH ORDINALITY AS t(partition_id, project_id, job_id, file_type, size, created_ms,
         expire_ms, locked, file, file_store, file_location, final_path, place)
     ORDER BY place RETURNING id`,
    [
      artifacts.map((artifact) => artifact.partitionId),
      artifacts.map((artifact) => artifact.projectId),
      artifacts.map((artifact) => artifact.jobId),
      artifacts.map((artifact) => artifact.fileType),
      artifacts.map((artifact) => artifact.sizeBytes),
      artifacts.map((artifact) => artifact.createdAtMs),
      artifacts.map((artifact) => artifact.expireAtMs),
      artifacts.map((artifact) => artifact.locked),
      artifacts.map((artifact) => artifact.file),
      artifacts.map((artifact) => artifact.fileStore),
      artifacts.map((artifact) => artifact.fileLocation),
      artifacts.map((artifact) => artifact.fileFinalPath),
    ],
  );
}

/** The rows that depend on an artifact in GitLab, and go with it by cascade. */
export async function insertArtifactChildren(
  client: Queryable,
  artifacts: readonly { id: number; partitionId: number; projectId: number }[],
  table: 'ci_job_artifact_states' | 'p_ci_job_artifact_reports',
): Promise<void> {
  if (artifacts.length === 0) return;
  const own = table === 'ci_job_artifact_states' ? 'verification_state' : 'status';
  await client.query(
    `INSERT INTO ${table} (job_artifact_id, partition_id, project_id, ${own})
     SELECT id, partition_id, project_id, 0
     FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) AS t(id, partition_id, project_id)`,
    [
      artifacts.map((artifact) => artifact.id),
      artifacts.map((artifact) => artifact.partitionId),
      artifacts.map((artifact) => artifact.projectId),
    ],
  );
}
