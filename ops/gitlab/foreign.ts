/** Foreign objects in the same bucket: the pipeline must leave all of them untouched. */
import { projectHashPath } from '../../lib/gitlab/object-key';
import { sha256Of, type BytesEntry } from './ledger';
import type { NewObject } from './objects';
import { finalPath } from './plan';
import type { Random } from './random';
import { insertPipelines, type Queryable } from './rows';
import { bodyOf, inTransaction, type SmallGitlab } from './small-gitlab';

/** Redis hash of GitLab's uploads in progress: field `artifacts:<key>`, value unix seconds. */
const pendingUploadsKey = 'pending_direct_uploads';

function pendingUploadField(key: string): string {
  return `artifacts:${key}`;
}

interface ForeignInput {
  readonly random: Random;
  readonly baseMs: number;
  readonly projectIds: readonly number[];
}

/** Stores all three kinds and writes them to the ledger. */
export async function seedForeignObjects(gitlab: SmallGitlab, input: ForeignInput): Promise<void> {
  await inTransaction(gitlab.pool, (client) =>
    storePipelineArtifacts(gitlab, client, input, 20),
  ).then((entries) => gitlab.ledger.append(entries));
  await storeUploadsInProgress(gitlab, input, 20);
  await storeStrangers(gitlab, input);
}

async function stored(gitlab: SmallGitlab, objects: readonly NewObject[]): Promise<BytesEntry[]> {
  await (gitlab.loader ?? gitlab.objects).load(objects);
  return objects.map(({ key, body }) => ({
    kind: 'object',
    key,
    sizeBytes: body.length,
    sha256: sha256Of(body),
  }));
}

/** Reports of whole pipelines: rows in ci_pipeline_artifacts, expired ones among them. */
async function storePipelineArtifacts(
  gitlab: SmallGitlab,
  client: Queryable,
  { random, baseMs, projectIds }: ForeignInput,
  count: number,
): Promise<BytesEntry[]> {
  const pipelines = Array.from({ length: count }, () => ({
    partitionId: random.oneOf([100, 101, 102]),
    projectId: random.oneOf(projectIds),
    locked: false,
    status: 'success',
    createdAtMs: baseMs - random.whole(86_400_000, 40 * 86_400_000),
  }));
  const pipelineIds = await insertPipelines(client, pipelines);
  const { rows } = await client.query<{ id: string; pipeline_id: string; project_id: string }>(
    `INSERT INTO ci_pipeline_artifacts (pipeline_id, project_id, partition_id, size, file_store,
       file_type, file_format, file, expire_at, locked, created_at, updated_at)
     SELECT pipeline_id, project_id, partition_id, 300, 2, 1, 1, 'coverage.json',
       now() - interval '1 day', 0, now(), now()
     FROM unnest($1::bigint[], $2::bigint[], $3::bigint[])
       AS t(pipeline_id, project_id, partition_id)
     RETURNING id, pipeline_id, project_id`,
    [
      pipelineIds,
      pipelines.map(({ projectId }) => projectId),
      pipelines.map(({ partitionId }) => partitionId),
    ],
  );
  return stored(
    gitlab,
    rows.map((row) => {
      const folder = `${projectHashPath(Number(row.project_id))}/pipelines/${row.pipeline_id}`;
      return {
        key: `${folder}/artifacts/${row.id}/coverage.json`,
        body: bodyOf(Number(row.id), 300),
      };
    }),
  );
}

/** Objects of an owned shape without a row: only the Redis hash claims them. */
async function storeUploadsInProgress(
  gitlab: SmallGitlab,
  { random, baseMs, projectIds }: ForeignInput,
  count: number,
): Promise<void> {
  const uploads = Array.from({ length: count }, (_, index) => ({
    key: finalPath(random.oneOf(projectIds), random),
    body: bodyOf(index, random.whole(40, 600)),
  }));
  const startedAt = Math.floor(baseMs / 1000);
  const fields = new Map(uploads.map(({ key }) => [pendingUploadField(key), startedAt]));
  await gitlab.redis.hset(pendingUploadsKey, fields);
  gitlab.ledger.append(await stored(gitlab, uploads));
}

/** Keys of other programs, some of them close to GitLab's own shapes. */
async function storeStrangers(
  gitlab: SmallGitlab,
  { random, projectIds }: ForeignInput,
): Promise<void> {
  const hash = projectHashPath(random.oneOf(projectIds));
  const keys = [
    'README.txt',
    'backups/2026_01/db.tar',
    'backups/2026_01/1/2/3/db.tar',
    '2026_01/notes.txt',
    '2026_01/1/summary.csv',
    'lost+found/file',
    `${hash}/index.html`,
    `${hash}/@final/readme.txt`,
    `${hash}/@final/ab/cd/short`,
    `${hash}/2026_01_09/readme.txt`,
    `${hash}/packages/1/files/2/package.tgz`,
  ];
  gitlab.ledger.append(
    await stored(
      gitlab,
      keys.map((key, index) => ({ key, body: bodyOf(index, 64) })),
    ),
  );
}
