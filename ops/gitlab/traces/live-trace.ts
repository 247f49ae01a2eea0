/**
 * A trace that is being written, as GitLab writes it: appends by chunk, flushes to the lasting stores, and the state
 * that the runner reports at its end. Each step is written to the ledger after its commit.
 */
import { crc32 } from 'node:zlib';
import { chunkBytes, chunkObjectKey, chunkStore, isLive } from '../../../lib/gitlab/trace-chunks';
import { traceRow } from './archived-trace';
import type { SmallGitlab } from '../small-gitlab';
import { traceBytes } from './trace-bytes';
import { LeaseTakenError, withChunkLease, withTraceLease } from './trace-lease';
import {
  appendToRedis,
  chunkRows,
  chunkSize,
  outsideKeys,
  readChunk,
  removeChunkData,
  writeChunk,
  type BetweenSteps,
  type ChunkRow,
  type ChunkStore,
} from './trace-stores';

export interface TraceBuild {
  readonly id: number;
  readonly partitionId: number;
  readonly projectId: number;
}

interface AppendOptions {
  /** Where a new chunk begins its life; GitLab's default is 4. */
  readonly store?: 1 | 4;
  /** A process that was stopped and continues with its old knowledge: it checks neither lease nor archive. */
  readonly stalled?: { readonly atByte: number };
}

type Appended =
  | { readonly accepted: true; readonly toByte: number }
  /** The runner gets this error, and keeps its bytes. */
  | { readonly accepted: false; readonly reason: 'lease' | 'archived' | 'offset' };

/** How many bytes the chunks hold by GitLab's count: up to the end of the highest one. */
export async function liveBytes(gitlab: SmallGitlab, buildId: number): Promise<number> {
  const last = (await chunkRows(gitlab, buildId)).at(-1);
  return last ? last.index * chunkBytes + (await chunkSize(gitlab, last)) : 0;
}

/** Appends the build's next bytes at the end of its trace. */
export async function appendTrace(
  gitlab: SmallGitlab,
  build: TraceBuild,
  sizeBytes: number,
  { store = chunkStore.redisTraceChunks, stalled }: AppendOptions = {},
): Promise<Appended> {
  if (stalled) return appendAt(gitlab, build, stalled.atByte, { sizeBytes, store });
  try {
    return await withTraceLease(gitlab.redis, build.id, async (): Promise<Appended> => {
      const row = await traceRow(gitlab.pool, build.id);
      if (row?.key != null && (await gitlab.objects.exists(row.key))) {
        return { accepted: false, reason: 'archived' };
      }
      const atByte = await liveBytes(gitlab, build.id);
      return appendAt(gitlab, build, atByte, { sizeBytes, store });
    });
  } catch (error) {
    if (error instanceof LeaseTakenError) return { accepted: false, reason: 'lease' };
    throw error;
  }
}

async function appendAt(
  gitlab: SmallGitlab,
  build: TraceBuild,
  atByte: number,
  { sizeBytes, store }: { sizeBytes: number; store: ChunkStore },
): Promise<Appended> {
  let done = atByte;
  while (done < atByte + sizeBytes) {
    const index = Math.floor(done / chunkBytes);
    const within = done % chunkBytes;
    const part = Math.min(chunkBytes - within, atByte + sizeBytes - done);
    const bytes = traceBytes(build.id, done, part);
    const accepted = await withChunkLease(gitlab.redis, { buildId: build.id, index }, () =>
      appendToChunk(gitlab, build, { index, bytes, offset: within, store }),
    );
    if (!accepted) return { accepted: false, reason: 'offset' };
    done += part;
    gitlab.ledger.append([{ kind: 'appended', buildId: build.id, toByte: done }]);
  }
  return { accepted: true, toByte: done };
}

interface ChunkAppend {
  readonly index: number;
  readonly bytes: Buffer;
  readonly offset: number;
  readonly store: ChunkStore;
}

/** The store first; the row is written only when it is new or a column changes. */
async function appendToChunk(
  gitlab: SmallGitlab,
  build: TraceBuild,
  { index, bytes, offset, store }: ChunkAppend,
): Promise<boolean> {
  const row = (await chunkRows(gitlab, build.id)).find((chunk) => chunk.index === index);
  const chunk = row ?? { buildId: build.id, index, store };
  if (isLive(chunk.store)) {
    if (!(await appendToRedis(gitlab, chunk, bytes, offset))) return false;
    if (!row) await insertChunk(gitlab, build, { index, store });
    return true;
  }
  if (!row) return false;
  const known = (await readChunk(gitlab, row)) ?? Buffer.alloc(0);
  if (offset > known.length) return false;
  const grown = Buffer.concat([known.subarray(0, offset), bytes]);
  if (row.store === chunkStore.fog) await writeChunk(gitlab, row, grown);
  const data = row.store === chunkStore.database ? grown : null;
  return saveChunk(gitlab, row, { store: row.store, data, checksum: crc32(grown) });
}

async function insertChunk(
  gitlab: SmallGitlab,
  build: TraceBuild,
  { index, store }: { index: number; store: ChunkStore },
): Promise<void> {
  await gitlab.pool.query(
    `INSERT INTO ci_build_trace_chunks (build_id, partition_id, project_id, chunk_index, data_store)
     VALUES ($1, $2, $3, $4, $5)`,
    [build.id, build.partitionId, build.projectId, index, store],
  );
}

/** @returns false when the row went or changed meanwhile (GitLab's optimistic lock). */
async function saveChunk(
  { pool }: Pick<SmallGitlab, 'pool'>,
  chunk: ChunkRow,
  { store, data, checksum }: { store: ChunkStore; data: Buffer | null; checksum: number },
): Promise<boolean> {
  const { rowCount } = await pool.query(
    `UPDATE ci_build_trace_chunks
     SET data_store = $3, raw_data = $4, checksum = $5, lock_version = lock_version + 1
     WHERE id = $1 AND lock_version = $2`,
    [chunk.id, chunk.lockVersion, store, data, Buffer.from(String(checksum))],
  );
  return rowCount === 1;
}

interface FlushOptions {
  readonly to: typeof chunkStore.database | typeof chunkStore.fog;
  /** Called with `stored` and `saved`. */
  readonly between?: BetweenSteps;
}

/** The result of a flush; any result but `flushed` leaves the chunk where it was. */
type Flushed = 'flushed' | 'not live' | 'no data' | 'not final' | 'stale';

/**
 * Moves a live chunk to a lasting store: the new store, then the row, then the old store. Data that a crash or a lost
 * race leaves without a row is never found again by GitLab.
 * @throws LeaseTakenError when the chunk is being written.
 */
export async function flushChunk(
  gitlab: SmallGitlab,
  build: TraceBuild,
  index: number,
  options: FlushOptions,
): Promise<Flushed> {
  return withChunkLease(gitlab.redis, { buildId: build.id, index }, async () => {
    const rows = await chunkRows(gitlab, build.id);
    const chunk = rows.find((row) => row.index === index);
    if (!chunk || !isLive(chunk.store)) return 'not live';
    const bytes = await readChunk(gitlab, chunk);
    if (bytes === undefined || bytes.length === 0) return 'no data';
    const isFull = bytes.length === chunkBytes;
    const isLast = rows.at(-1) === chunk;
    if (!isFull && !(isLast && (await hasPendingState(gitlab, build.id)))) return 'not final';
    return moveChunk(gitlab, chunk, bytes, options);
  });
}

async function moveChunk(
  gitlab: SmallGitlab,
  chunk: ChunkRow,
  bytes: Buffer,
  { to, between = () => undefined }: FlushOptions,
): Promise<Flushed> {
  const moved = { ...chunk, store: to };
  let left = to === chunkStore.fog ? [chunkObjectKey(chunk.buildId, chunk.index)] : [];
  try {
    if (to === chunkStore.fog) await writeChunk(gitlab, moved, bytes);
    await between('stored');
    const data = to === chunkStore.database ? bytes : null;
    if (!(await saveChunk(gitlab, chunk, { store: to, data, checksum: crc32(bytes) }))) {
      return 'stale';
    }
    left = outsideKeys([chunk]);
    await between('saved');
    await removeChunkData(gitlab, [chunk]);
    left = [];
    return 'flushed';
  } finally {
    if (left.length > 0) gitlab.ledger.append([{ kind: 'orphaned', keys: left }]);
  }
}

async function hasPendingState({ pool }: SmallGitlab, buildId: number): Promise<boolean> {
  const { rowCount } = await pool.query('SELECT FROM ci_build_pending_states WHERE build_id = $1', [
    buildId,
  ]);
  return rowCount === 1;
}
