/**
 * GitLab's own archiver, which may run beside the pipeline: the row first, the upload after its commit, then the chunks
 * in its order. A crash or a failed upload in between leaves the same state as with GitLab.
 */
import { createHash } from 'node:crypto';
import { artifactLocked, fileStore, fileType } from '../../../lib/gitlab/enums';
import { chunkBytes } from '../../../lib/gitlab/trace-chunks';
import { traceRow } from './archived-trace';
import { deleteArtifacts } from '../changes';
import type { ArtifactEntry } from '../ledger';
import type { TraceBuild } from './live-trace';
import { databaseNowMs, inTransaction, storeRows, type SmallGitlab } from '../small-gitlab';
import { LeaseTakenError, withTraceLease } from './trace-lease';
import { chunkRows, destroyChunks, readChunk, type BetweenSteps } from './trace-stores';

interface GitlabArchiveOptions {
  /** The object store refuses the upload: row and chunks stay. */
  readonly uploadFails?: boolean;
  /** Called with `row`, `uploaded` and `rows gone`. */
  readonly between?: BetweenSteps;
}

/** `failed` counts as an attempt; the cron comes back after hours. */
export type GitlabArchived = 'archived' | 'already archived' | 'failed' | 'lease taken' | 'not due';

/** One attempt. Failures are returned, since GitLab's service swallows them. */
export async function archiveAsGitlab(
  gitlab: SmallGitlab,
  build: TraceBuild,
  options: GitlabArchiveOptions = {},
): Promise<GitlabArchived> {
  try {
    const result = await withTraceLease(gitlab.redis, build.id, () =>
      archive(gitlab, build, options),
    );
    if (result === 'archived' || result === 'already archived') {
      const place = [build.id];
      await gitlab.pool.query('DELETE FROM ci_build_pending_states WHERE build_id = $1', place);
    }
    if (result === 'failed') await countAttempt(gitlab, build);
    return result;
  } catch (error) {
    if (error instanceof LeaseTakenError) return 'lease taken';
    throw error;
  }
}

async function archive(
  gitlab: SmallGitlab,
  build: TraceBuild,
  options: GitlabArchiveOptions,
): Promise<GitlabArchived> {
  if (!(await isComplete(gitlab, build))) return 'not due';
  const row = await traceRow(gitlab.pool, build.id);
  if (row?.key != null && (await gitlab.objects.exists(row.key))) {
    await destroyChunks(gitlab, build.id, options.between);
    return 'already archived';
  }
  if (row) await deleteArtifacts(gitlab, [row]);
  const bytes = await wholeTrace(gitlab, build.id);
  if (bytes === undefined) return 'failed';
  const entry = await insertRow(gitlab, build, bytes);
  await options.between?.('row');
  if (options.uploadFails === true) return 'failed';
  await gitlab.objects.load([{ key: entry.key as string, body: bytes }]);
  await options.between?.('uploaded');
  await destroyChunks(gitlab, build.id, options.between);
  return 'archived';
}

async function isComplete({ pool }: SmallGitlab, build: TraceBuild): Promise<boolean> {
  const { rowCount } = await pool.query(
    `SELECT FROM p_ci_builds WHERE id = $1 AND partition_id = $2
     AND status IN ('success', 'failed', 'canceled', 'skipped')`,
    [build.id, build.partitionId],
  );
  return rowCount === 1;
}

/** Undefined when a chunk other than the last is not full: GitLab's copy is then shorter than the sum. */
async function wholeTrace(gitlab: SmallGitlab, buildId: number): Promise<Buffer | undefined> {
  const rows = await chunkRows(gitlab, buildId);
  const parts: Buffer[] = [];
  for (const [place, row] of rows.entries()) {
    const bytes = (await readChunk(gitlab, row)) ?? Buffer.alloc(0);
    const isLast = place === rows.length - 1;
    if (row.index !== place || (!isLast && bytes.length !== chunkBytes)) return undefined;
    parts.push(bytes);
  }
  return rows.length === 0 ? undefined : Buffer.concat(parts);
}

async function insertRow(
  gitlab: SmallGitlab,
  build: TraceBuild,
  bytes: Buffer,
): Promise<ArtifactEntry> {
  const createdAtMs = await databaseNowMs(gitlab.pool);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const md5 = createHash('md5').update(bytes).digest('hex');
  const entries = await inTransaction(gitlab.pool, async (client) => {
    const stored = await storeRows(client, [newRow(build, bytes.length, createdAtMs)]);
    const id = stored[0]?.id;
    await client.query(
      'UPDATE p_ci_job_artifacts SET file_sha256 = $3 WHERE id = $1 AND partition_id = $2',
      [id, build.partitionId, Buffer.from(sha256)],
    );
    await client.query(
      `INSERT INTO p_ci_build_trace_metadata
         (build_id, partition_id, project_id, trace_artifact_id, archived_at, checksum)
       VALUES ($1, $2, $3, $4, now(), $5)
       ON CONFLICT (build_id, partition_id) DO UPDATE SET trace_artifact_id = excluded.trace_artifact_id,
         archived_at = excluded.archived_at, checksum = excluded.checksum`,
      [build.id, build.partitionId, build.projectId, id, Buffer.from(md5)],
    );
    return stored;
  });
  gitlab.ledger.append(entries);
  return entries[0] as ArtifactEntry;
}

/** Never expires, and its `locked` is unknown: GitLab sets neither for a trace. */
function newRow(build: TraceBuild, sizeBytes: number, createdAtMs: number) {
  return {
    partitionId: build.partitionId,
    projectId: build.projectId,
    jobId: build.id,
    fileType: fileType.trace,
    sizeBytes,
    createdAtMs,
    expireAtMs: null,
    locked: artifactLocked.unknown,
    file: 'job.log',
    fileStore: fileStore.remote,
    fileLocation: 2,
    fileFinalPath: null,
    counted: false,
  };
}

/** The count belongs to the metadata row, and is lost with it when the artifact row goes. */
async function countAttempt({ pool }: SmallGitlab, build: TraceBuild): Promise<void> {
  await pool.query(
    `INSERT INTO p_ci_build_trace_metadata
       (build_id, partition_id, project_id, archival_attempts, last_archival_attempt_at)
     VALUES ($1, $2, $3, 1, now())
     ON CONFLICT (build_id, partition_id) DO UPDATE
     SET archival_attempts = p_ci_build_trace_metadata.archival_attempts + 1,
       last_archival_attempt_at = now()`,
    [build.id, build.partitionId, build.projectId],
  );
}
