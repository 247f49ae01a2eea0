/**
 * Builds with a trace: created, running, finished; archived ones with a trace artifact, live ones with
 * chunks in Redis. The artifact flow must touch none of them.
 */
import { artifactLocked, fileStore, fileType } from '../../lib/gitlab/enums';
import { sha256Of, type ArtifactEntry, type BytesEntry } from './ledger';
import type { Random } from './random';
import { insertBuilds, insertPipelines, type Queryable } from './rows';
import {
  bodyOf,
  inTransaction,
  storeArtifacts,
  type NewArtifact,
  type SmallGitlab,
} from './small-gitlab';

/** GitLab's chunk: every one but the last is full. */
const chunkBytes = 131_072;
const chunkTtlSeconds = 7 * 86_400;
/** GitLab's number of the store of live chunks. */
const redisTraceChunks = 4;
const batchBuilds = 500;
const dayMs = 86_400_000;

export interface TraceBuild {
  readonly id: number;
  readonly partitionId: number;
  readonly projectId: number;
}

export function chunkKey(buildId: number, index: number): string {
  return `gitlab:ci:trace:${buildId}:chunks:${index}`;
}

/** Makes `count` builds with traces: half archived, the rest live, some of them still running. */
export async function seedTraceBuilds(
  gitlab: SmallGitlab,
  input: { count: number; random: Random; baseMs: number; projectIds: readonly number[] },
): Promise<void> {
  for (let done = 0; done < input.count; done += batchBuilds) {
    const count = Math.min(batchBuilds, input.count - done);
    const entries = await inTransaction(gitlab.pool, async (client) => {
      const builds = await insertRunningBuilds(client, { ...input, count });
      const archived = builds.filter((_, index) => index % 2 === 0);
      const live = builds.filter((_, index) => index % 2 === 1);
      const stillRunning = new Set(live.filter((_, index) => index % 3 === 0));
      await finishBuilds(
        client,
        builds.filter((build) => !stillRunning.has(build)),
        input,
      );
      return [
        ...(await storeTraces(gitlab, client, archived, input)),
        ...(await storeLiveTraces(gitlab, client, live, input.random)),
      ];
    });
    gitlab.ledger.append(entries);
  }
}

/** One pipeline a build: created, then running, as two changes that CDC sees. */
async function insertRunningBuilds(
  client: Queryable,
  input: { count: number; random: Random; baseMs: number; projectIds: readonly number[] },
): Promise<TraceBuild[]> {
  const places = Array.from({ length: input.count }, () => ({
    partitionId: input.random.oneOf([100, 101, 102]),
    projectId: input.random.oneOf(input.projectIds),
    createdAtMs: input.baseMs - input.random.whole(3_600_000, 2 * dayMs),
  }));
  const pipelineIds = await insertPipelines(
    client,
    places.map((place) => ({ ...place, locked: false, status: 'running' })),
  );
  const ids = await insertBuilds(
    client,
    places.map((place, index) => ({
      ...place,
      pipelineId: pipelineIds[index] as number,
      status: 'created',
      finishedAtMs: null,
      type: 'Ci::Build',
    })),
  );
  await client.query(
    `UPDATE p_ci_builds SET status = 'running', started_at = created_at, updated_at = now() AT TIME ZONE 'utc'
     WHERE id = ANY($1) AND partition_id IN (100, 101, 102)`,
    [ids],
  );
  return places.map((place, index) => ({ ...place, id: ids[index] as number }));
}

async function finishBuilds(
  client: Queryable,
  builds: readonly TraceBuild[],
  { random, baseMs }: { random: Random; baseMs: number },
): Promise<void> {
  await client.query(
    `UPDATE p_ci_builds AS build
     SET status = done.status, finished_at = to_timestamp(done.finished_ms / 1000) AT TIME ZONE 'utc',
       updated_at = now() AT TIME ZONE 'utc'
     FROM unnest($1::bigint[], $2::text[], $3::float8[]) AS done(id, status, finished_ms)
     WHERE build.id = done.id AND build.partition_id IN (100, 101, 102)`,
    [
      builds.map(({ id }) => id),
      builds.map(() => random.oneOf(['success', 'success', 'success', 'failed', 'canceled'])),
      builds.map(() => baseMs - random.whole(60_000, 3_600_000)),
    ],
  );
}

/**
 * Archived traces. Some carry an expiry in the past and are unlocked: only their type protects them.
 * @returns what the ledger shall say after the commit.
 */
export async function storeTraces(
  gitlab: Pick<SmallGitlab, 'objects' | 'loader'>,
  client: Queryable,
  builds: readonly TraceBuild[],
  { random, baseMs }: { random: Random; baseMs: number },
): Promise<ArtifactEntry[]> {
  const traces = builds.map((build, index): NewArtifact => {
    const looksExpired = index % 4 === 0;
    return {
      partitionId: build.partitionId,
      projectId: build.projectId,
      jobId: build.id,
      fileType: fileType.trace,
      sizeBytes: random.whole(200, 20_000),
      createdAtMs: baseMs - random.whole(60_000, 3_600_000),
      expireAtMs: looksExpired ? baseMs - random.whole(dayMs, 30 * dayMs) : null,
      locked: looksExpired ? artifactLocked.unlocked : artifactLocked.unknown,
      file: 'job.log',
      fileStore: fileStore.remote,
      fileLocation: 2,
      fileFinalPath: null,
      counted: false,
    };
  });
  const entries = await storeArtifacts(gitlab, client, traces);
  await client.query(
    `INSERT INTO p_ci_build_trace_metadata
       (build_id, partition_id, project_id, trace_artifact_id, archived_at)
     SELECT job_id, partition_id, project_id, id, created_at
     FROM p_ci_job_artifacts WHERE id = ANY($1) AND partition_id IN (100, 101, 102)`,
    [entries.map(({ id }) => id)],
  );
  return entries;
}

/**
 * Live traces: chunk rows, and their bytes in Redis for seven days.
 * @returns what the ledger shall say after the commit.
 */
export async function storeLiveTraces(
  gitlab: Pick<SmallGitlab, 'redis'>,
  client: Queryable,
  builds: readonly TraceBuild[],
  random: Random,
): Promise<BytesEntry[]> {
  const chunks = builds.flatMap((build, index) => {
    const last = { build, index: 0, sizeBytes: random.whole(50, 8_000) };
    // Every tenth trace is longer than a chunk.
    return index % 10 === 0
      ? [
          { build, index: 0, sizeBytes: chunkBytes },
          { ...last, index: 1 },
        ]
      : [last];
  });
  await client.query(
    `INSERT INTO ci_build_trace_chunks (build_id, partition_id, project_id, chunk_index, data_store)
     SELECT build_id, partition_id, project_id, chunk_index, $5
     FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::int[])
       AS t(build_id, partition_id, project_id, chunk_index)`,
    [
      chunks.map(({ build }) => build.id),
      chunks.map(({ build }) => build.partitionId),
      chunks.map(({ build }) => build.projectId),
      chunks.map(({ index }) => index),
      redisTraceChunks,
    ],
  );
  return Promise.all(
    chunks.map(async ({ build, index, sizeBytes }): Promise<BytesEntry> => {
      const key = chunkKey(build.id, index);
      const bytes = bodyOf(build.id, sizeBytes);
      await gitlab.redis.set(key, bytes, 'EX', chunkTtlSeconds);
      return { kind: 'chunk', key, sizeBytes, sha256: sha256Of(bytes) };
    }),
  );
}
