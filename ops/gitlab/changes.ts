/**
 * GitLab's own statements on artifacts: lock, unlock, extend, delete, erase.
 *
 * Each writes to the ledger what it changed: an UPDATE that finds no row has lost the race against the deletion, and
 * then the deletion was right.
 */
import { fileStore, fileType } from '../../lib/gitlab/enums';
import { artifactObjectKey } from '../../lib/gitlab/object-key';
import { finiteMs } from './ledger';
import type { Queryable } from './rows';
import type { RowPlace } from './seed';
import { inTransaction, type SmallGitlab } from './small-gitlab';
import { destroyChunks } from './traces/trace-stores';

/** GitLab's own batch for locking and for destroying. */
const batchRows = 100;

function* inBatches<T>(items: readonly T[]): Generator<readonly T[]> {
  for (let start = 0; start < items.length; start += batchRows) {
    yield items.slice(start, start + batchRows);
  }
}

interface ChangedRow {
  readonly id: string;
  readonly locked: number;
  readonly expire_ms: number | null;
}

const changedColumns = `artifact.id, artifact.locked,
  floor(extract(epoch FROM artifact.expire_at) * 1000)::float8 AS expire_ms`;

function record(gitlab: SmallGitlab, rows: readonly ChangedRow[]): number {
  gitlab.ledger.append(
    rows.map(({ id, locked, expire_ms }) => ({
      kind: 'changed',
      ids: [Number(id)],
      locked,
      expireAtMs: finiteMs(expire_ms),
    })),
  );
  return rows.length;
}

const placed = `FROM unnest($1::bigint[], $2::bigint[]) AS place(id, partition_id)
  WHERE artifact.id = place.id AND artifact.partition_id = place.partition_id`;

function placesOf(rows: readonly RowPlace[]): [number[], number[]] {
  return [rows.map(({ id }) => id), rows.map(({ partitionId }) => partitionId)];
}

/** @returns how many rows still existed. */
export async function changeArtifacts(
  gitlab: SmallGitlab,
  artifacts: readonly RowPlace[],
  assignment: string,
  parameters: readonly unknown[] = [],
): Promise<number> {
  let won = 0;
  for (const batch of inBatches(artifacts)) {
    const { rows } = await gitlab.pool.query<ChangedRow>(
      `UPDATE p_ci_job_artifacts AS artifact SET ${assignment} ${placed} RETURNING ${changedColumns}`,
      [...placesOf(batch), ...parameters],
    );
    won += record(gitlab, rows);
  }
  return won;
}

/** @returns how many still existed and were locked. */
export async function lockArtifacts(
  gitlab: SmallGitlab,
  artifacts: readonly RowPlace[],
): Promise<number> {
  return changeArtifacts(gitlab, artifacts, 'locked = 1');
}

export async function unlockArtifacts(
  gitlab: SmallGitlab,
  artifacts: readonly RowPlace[],
): Promise<number> {
  return changeArtifacts(gitlab, artifacts, 'locked = 0');
}

/**
 * Sets the expiry relative to the database's clock; null for never ("keep").
 * @returns how many still existed.
 */
export async function setExpiry(
  gitlab: SmallGitlab,
  artifacts: readonly RowPlace[],
  fromNowMs: number | null,
): Promise<number> {
  return changeArtifacts(
    gitlab,
    artifacts,
    `expire_at = date_trunc('milliseconds', clock_timestamp() + $3 * interval '1 millisecond'),
       updated_at = now()`,
    [fromNowMs],
  );
}

/** Job by job, the artifacts first and the pipeline last, each in a transaction of its own. */
export async function unlockPipeline(gitlab: SmallGitlab, pipeline: RowPlace): Promise<number> {
  const place = [pipeline.id, pipeline.partitionId];
  const { rows: jobs } = await gitlab.pool.query<{ id: string }>(
    'SELECT id FROM p_ci_builds WHERE commit_id = $1 AND partition_id = $2 ORDER BY id',
    place,
  );
  let won = 0;
  for (const job of jobs) {
    const { rows } = await gitlab.pool.query<ChangedRow>(
      `UPDATE p_ci_job_artifacts AS artifact SET locked = 0
       WHERE job_id = $1 AND partition_id = $2 AND locked = 1 RETURNING ${changedColumns}`,
      [job.id, pipeline.partitionId],
    );
    won += record(gitlab, rows);
  }
  await gitlab.pool.query(
    'UPDATE p_ci_pipelines SET locked = 0 WHERE id = $1 AND partition_id = $2',
    place,
  );
  return won;
}

interface DeletedRow {
  readonly id: string;
  readonly project_id: string;
  readonly job_id: string;
  readonly created_days: number;
  readonly file: string | null;
  readonly file_store: number;
  readonly file_location: number | null;
  readonly file_final_path: string | null;
}

function keyOf(row: DeletedRow): string | null {
  if (row.file_store !== fileStore.remote) return null;
  return artifactObjectKey({
    id: Number(row.id),
    projectId: Number(row.project_id),
    jobId: Number(row.job_id),
    createdOnDays: row.created_days,
    file: row.file,
    fileLocation: row.file_location,
    fileFinalPath: row.file_final_path,
  });
}

/**
 * GitLab's own way: the rows go together with a note in ci_deleted_objects, in one transaction; the objects after it,
 * the notes last.
 * @returns how many rows still existed.
 */
export async function deleteArtifacts(
  gitlab: SmallGitlab,
  artifacts: readonly RowPlace[],
): Promise<number> {
  let won = 0;
  for (const batch of inBatches(artifacts)) {
    const { keys, notes, ids } = await inTransaction(gitlab.pool, (client) =>
      takeRows(client, batch),
    );
    gitlab.ledger.append([{ kind: 'deleted', ids }]);
    await gitlab.objects.remove(keys);
    await gitlab.pool.query('DELETE FROM ci_deleted_objects WHERE id = ANY($1)', [notes]);
    won += ids.length;
  }
  return won;
}

async function takeRows(
  client: Queryable,
  batch: readonly RowPlace[],
): Promise<{ ids: number[]; keys: string[]; notes: string[] }> {
  const { rows } = await client.query<DeletedRow>(
    `DELETE FROM p_ci_job_artifacts AS artifact
     USING unnest($1::bigint[], $2::bigint[]) AS place(id, partition_id)
     WHERE artifact.id = place.id AND artifact.partition_id = place.partition_id
     RETURNING artifact.id, project_id, job_id, file, file_store, file_location, file_final_path,
       floor(extract(epoch FROM created_at) / 86400)::int AS created_days`,
    placesOf(batch),
  );
  const objects = rows.flatMap((row) => {
    const key = keyOf(row);
    return key === null ? [] : [{ key, projectId: row.project_id }];
  });
  const { rows: notes } = await client.query<{ id: string }>(
    `INSERT INTO ci_deleted_objects (file_store, store_dir, file, project_id, pick_up_at)
     SELECT 2, store_dir, file, project_id, now()
     FROM unnest($1::text[], $2::text[], $3::bigint[]) AS t(store_dir, file, project_id)
     RETURNING id`,
    [
      objects.map(({ key }) => key.slice(0, key.lastIndexOf('/'))),
      objects.map(({ key }) => key.slice(key.lastIndexOf('/') + 1)),
      objects.map(({ projectId }) => projectId),
    ],
  );
  return {
    ids: rows.map(({ id }) => Number(id)),
    keys: objects.map(({ key }) => key),
    notes: notes.map(({ id }) => id),
  };
}

/** A job's, its trace last. */
async function artifactsOf(
  { pool }: SmallGitlab,
  { id: jobId, partitionId }: RowPlace,
): Promise<RowPlace[]> {
  const { rows } = await pool.query<{ id: string }>(
    'SELECT id FROM p_ci_job_artifacts WHERE job_id = $1 AND partition_id = $2 ORDER BY file_type = $3',
    [jobId, partitionId, fileType.trace],
  );
  return rows.map(({ id }) => ({ id: Number(id), partitionId }));
}

/** A user erases a job: its artifacts, its trace, its live chunks, and the mark on the build. */
export async function eraseBuild(gitlab: SmallGitlab, build: RowPlace): Promise<void> {
  const place = [build.id, build.partitionId];
  gitlab.ledger.append([{ kind: 'trace-going', buildIds: [build.id] }]);
  await deleteArtifacts(gitlab, await artifactsOf(gitlab, build));
  await destroyChunks(gitlab, build.id);
  await gitlab.pool.query(
    `UPDATE p_ci_builds SET erased_at = now() AT TIME ZONE 'utc', updated_at = now() AT TIME ZONE 'utc'
     WHERE id = $1 AND partition_id = $2`,
    place,
  );
  gitlab.ledger.append([{ kind: 'trace-gone', buildIds: [build.id] }]);
}

/** The same without the mark: the build's row goes, and by cascade all rows that depend on it. */
export async function deleteBuild(gitlab: SmallGitlab, build: RowPlace): Promise<void> {
  const place = [build.id, build.partitionId];
  gitlab.ledger.append([{ kind: 'trace-going', buildIds: [build.id] }]);
  await deleteArtifacts(gitlab, await artifactsOf(gitlab, build));
  await destroyChunks(gitlab, build.id);
  await gitlab.pool.query('DELETE FROM p_ci_builds WHERE id = $1 AND partition_id = $2', place);
  gitlab.ledger.append([{ kind: 'trace-gone', buildIds: [build.id] }]);
}
