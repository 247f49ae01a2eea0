/**
 * Traces in bulk: builds that are created and run, chunks in any of the four stores, states that runners
 * reported, builds that finish, and traces that GitLab archived long ago.
 */
import { crc32 } from 'node:zlib';
import { artifactLocked, fileStore, fileType } from '../../../lib/gitlab/enums';
import {
  chunkBytes,
  chunkObjectKey,
  chunkRedisKey,
  chunkStore,
  isLive,
} from '../../../lib/gitlab/trace-chunks';
import type { ArtifactEntry, LedgerEntry } from '../ledger';
import type { TraceBuild } from './live-trace';
import type { Random } from '../random';
import { insertBuilds, insertPipelines, type Queryable } from '../rows';
import { storeRows, type NewArtifact, type SmallGitlab } from '../small-gitlab';
import { traceBytes, traceCrc32 } from './trace-bytes';
import type { TraceEntry, TraceLedgerEntry } from './trace-ledger';
import { chunkTtlSeconds, redisOf, type ChunkStore } from './trace-stores';

const dayMs = 86_400_000;

/** The bytes that a build has written so far. */
export interface TracePlan {
  readonly build: TraceBuild;
  readonly sizeBytes: number;
  /** Which store holds the chunk. */
  readonly storeOf: (index: number) => ChunkStore;
  readonly counted: boolean;
}

interface NewTraceBuilds {
  readonly count: number;
  readonly random: Random;
  readonly baseMs: number;
  readonly projectIds: readonly number[];
  /** 100 to 102 by default. */
  readonly partitionIds?: readonly number[];
}

/** One pipeline a build: created, then running, as two changes that CDC sees. */
export async function insertRunningBuilds(
  client: Queryable,
  input: NewTraceBuilds,
): Promise<TraceBuild[]> {
  const { partitionIds = [100, 101, 102] } = input;
  const places = Array.from({ length: input.count }, () => ({
    partitionId: input.random.oneOf(partitionIds),
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
     WHERE id = ANY($1) AND partition_id = ANY($2)`,
    [ids, [...new Set(places.map(({ partitionId }) => partitionId))]],
  );
  return places.map(({ partitionId, projectId }, index) => ({
    partitionId,
    projectId,
    id: ids[index] as number,
  }));
}

export type FinalStatus = 'success' | 'failed' | 'canceled';

/** @returns the ledger's entries for the time after the commit. */
export async function finishBuilds(
  client: Queryable,
  builds: readonly TraceBuild[],
  done: { statusOf: () => FinalStatus; finishedAtMsOf: () => number },
): Promise<TraceLedgerEntry[]> {
  await client.query(
    `UPDATE p_ci_builds AS build
     SET status = done.status, finished_at = to_timestamp(done.finished_ms / 1000) AT TIME ZONE 'utc',
       updated_at = now() AT TIME ZONE 'utc'
     FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::float8[])
       AS done(id, partition_id, status, finished_ms)
     WHERE build.id = done.id AND build.partition_id = done.partition_id`,
    [
      builds.map(({ id }) => id),
      builds.map(({ partitionId }) => partitionId),
      builds.map(done.statusOf),
      builds.map(done.finishedAtMsOf),
    ],
  );
  return [{ kind: 'finished', buildIds: builds.map(({ id }) => id) }];
}

interface PlannedChunk {
  readonly build: TraceBuild;
  readonly index: number;
  readonly store: ChunkStore;
  readonly bytes: Buffer;
}

function* chunksOf({ build, sizeBytes, storeOf }: TracePlan): Generator<PlannedChunk> {
  const count = Math.max(1, Math.ceil(sizeBytes / chunkBytes));
  for (let index = 0; index < count; index += 1) {
    const start = index * chunkBytes;
    const bytes = traceBytes(build.id, start, Math.min(chunkBytes, sizeBytes - start));
    yield { build, index, store: storeOf(index), bytes };
  }
}

/** At least one chunk, at most so many bytes and so many chunks. */
const batchBytes = 8_388_608;
const batchChunks = 500;

function* batchesOf(plans: readonly TracePlan[]): Generator<PlannedChunk[]> {
  let batch: PlannedChunk[] = [];
  let bytes = 0;
  for (const plan of plans) {
    for (const chunk of chunksOf(plan)) {
      batch.push(chunk);
      bytes += chunk.bytes.length;
      if (bytes < batchBytes && batch.length < batchChunks) continue;
      yield batch;
      batch = [];
      bytes = 0;
    }
  }
  if (batch.length > 0) yield batch;
}

/**
 * Live traces of any size: the data outside first, then the rows, before the caller's commit. An empty trace is one
 * chunk without bytes.
 * @returns the ledger's entries for the time after the commit.
 */
export async function storeLiveTraces(
  gitlab: Pick<SmallGitlab, 'redis' | 'chunkRedis' | 'objects'>,
  client: Queryable,
  plans: readonly TracePlan[],
): Promise<TraceLedgerEntry[]> {
  for (const chunks of batchesOf(plans)) {
    await Promise.all(chunks.map((chunk) => storeData(gitlab, chunk)));
    await insertChunks(client, chunks);
  }
  return plans.flatMap(({ build, sizeBytes, counted }): TraceLedgerEntry[] => [
    bornEntry(build, counted),
    { kind: 'appended', buildId: build.id, toByte: sizeBytes },
  ]);
}

function bornEntry({ id, partitionId, projectId }: TraceBuild, counted: boolean): TraceEntry {
  return { kind: 'trace', buildId: id, partitionId, projectId, counted };
}

async function storeData(
  gitlab: Pick<SmallGitlab, 'redis' | 'chunkRedis' | 'objects'>,
  { build, index, store, bytes }: PlannedChunk,
): Promise<void> {
  if (isLive(store)) {
    await redisOf(gitlab, store).set(chunkRedisKey(build.id, index), bytes, 'EX', chunkTtlSeconds);
  } else if (store === chunkStore.fog) {
    await gitlab.objects.load([{ key: chunkObjectKey(build.id, index), body: bytes }]);
  }
}

/** GitLab sums a chunk when it leaves Redis: its CRC32 as decimal digits. */
async function insertChunks(client: Queryable, chunks: readonly PlannedChunk[]): Promise<void> {
  await client.query(
    `INSERT INTO ci_build_trace_chunks
       (build_id, partition_id, project_id, chunk_index, data_store, raw_data, checksum)
     SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::int[], $5::int[],
       $6::bytea[], $7::bytea[])`,
    [
      chunks.map(({ build }) => build.id),
      chunks.map(({ build }) => build.partitionId),
      chunks.map(({ build }) => build.projectId),
      chunks.map(({ index }) => index),
      chunks.map(({ store }) => store),
      chunks.map(({ store, bytes }) => (store === chunkStore.database ? bytes : null)),
      chunks.map(({ store, bytes }) => (isLive(store) ? null : Buffer.from(String(crc32(bytes))))),
    ],
  );
}

interface ReportedState {
  readonly build: TraceBuild;
  readonly sizeBytes: number;
  /** The right one by default. */
  readonly crc32?: number;
}

/** The checksum that runners report at the end of their traces: a CRC32 in hex, unlike a chunk's. */
export async function reportStates(
  client: Queryable,
  states: readonly ReportedState[],
): Promise<void> {
  await client.query(
    `INSERT INTO ci_build_pending_states
       (build_id, partition_id, project_id, created_at, updated_at, state, trace_checksum, trace_bytesize)
     SELECT build_id, partition_id, project_id, now(), now(), 3, checksum, bytesize
     FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bytea[], $5::bigint[])
       AS t(build_id, partition_id, project_id, checksum, bytesize)
     ON CONFLICT (build_id) DO NOTHING`,
    [
      states.map(({ build }) => build.id),
      states.map(({ build }) => build.partitionId),
      states.map(({ build }) => build.projectId),
      states.map((state) => Buffer.from(`crc32:${hexOf(state)}`)),
      states.map(({ sizeBytes }) => sizeBytes),
    ],
  );
}

function hexOf({ build, sizeBytes, crc32: given }: ReportedState): string {
  return (given ?? traceCrc32(build.id, sizeBytes)).toString(16).padStart(8, '0');
}

/**
 * Archived traces. Some carry an expiry in the past and are unlocked: only their type protects them.
 * @returns the ledger's entries for the time after the commit.
 */
export async function storeTraces(
  gitlab: Pick<SmallGitlab, 'objects' | 'loader'>,
  client: Queryable,
  builds: readonly TraceBuild[],
  { random, baseMs }: { random: Random; baseMs: number },
): Promise<LedgerEntry[]> {
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
  const entries = await storeRows(client, traces);
  await (gitlab.loader ?? gitlab.objects).load(entries.map(objectOf));
  await client.query(
    `INSERT INTO p_ci_build_trace_metadata
       (build_id, partition_id, project_id, trace_artifact_id, archived_at)
     SELECT job_id, partition_id, project_id, id, created_at
     FROM p_ci_job_artifacts WHERE id = ANY($1) AND partition_id = ANY($2)`,
    [entries.map(({ id }) => id), [...new Set(builds.map(({ partitionId }) => partitionId))]],
  );
  return [...entries, ...entries.flatMap((entry, index) => writtenBy(builds[index], entry))];
}

function objectOf({ key, jobId, sizeBytes }: ArtifactEntry): { key: string; body: Buffer } {
  if (key === null) throw new Error(`The trace of build ${jobId} has no key.`);
  return { key, body: traceBytes(jobId, 0, sizeBytes) };
}

function writtenBy(build: TraceBuild | undefined, { sizeBytes }: ArtifactEntry): LedgerEntry[] {
  if (!build) return [];
  return [
    bornEntry(build, false),
    { kind: 'appended', buildId: build.id, toByte: sizeBytes },
    { kind: 'finished', buildIds: [build.id] },
  ];
}
