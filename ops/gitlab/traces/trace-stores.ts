/**
 * Where GitLab keeps the data of a trace's chunks: two Redis stores, the row itself, and the bucket.
 * (Chunk numbers, keys and the rules of appending: GitLab's BuildTraceChunk and its four stores.)
 */
import type { Redis } from 'ioredis';
import {
  chunkObjectKey,
  chunkRedisKey,
  chunkStore,
  isLive,
} from '../../../lib/gitlab/trace-chunks';
import type { Queryable } from '../rows';
import type { SmallGitlab } from '../small-gitlab';

export type ChunkStore = (typeof chunkStore)[keyof typeof chunkStore];

/** Refreshed by each append; after it Redis destroys the bytes. */
export const chunkTtlSeconds = 7 * 86_400;

/** Called between two steps; a test waits here, or throws as a crash would. */
export type BetweenSteps = (step: string) => Promise<void> | void;

export interface ChunkMeans extends Pick<SmallGitlab, 'objects' | 'redis' | 'chunkRedis'> {
  readonly pool: Queryable;
}

/** One row of `ci_build_trace_chunks` without its data. */
export interface ChunkRow {
  readonly id: number;
  readonly buildId: number;
  readonly index: number;
  readonly store: ChunkStore;
  readonly lockVersion: number;
}

export function isFogKey(key: string): boolean {
  return /^tmp\/builds\/\d+\/chunks\/\d+\.log$/.test(key);
}

/** GitLab may keep each of its two Redis stores on a server of its own. */
export function redisOf(
  { redis, chunkRedis }: Pick<ChunkMeans, 'redis' | 'chunkRedis'>,
  store: ChunkStore,
): Redis {
  return store === chunkStore.redisTraceChunks ? (chunkRedis ?? redis) : redis;
}

/** In the order of the trace. */
export async function chunkRows(
  { pool }: Pick<ChunkMeans, 'pool'>,
  buildId: number,
): Promise<ChunkRow[]> {
  const { rows } = await pool.query<{
    id: string;
    chunk_index: number;
    data_store: ChunkStore;
    lock_version: number;
  }>(
    `SELECT id, chunk_index, data_store, lock_version FROM ci_build_trace_chunks
     WHERE build_id = $1 ORDER BY chunk_index`,
    [buildId],
  );
  return rows.map((row) => ({
    id: Number(row.id),
    buildId,
    index: row.chunk_index,
    store: row.data_store,
    lockVersion: row.lock_version,
  }));
}

/** Undefined when the store has no entry at all for the chunk, which differs from an empty one. */
export async function readChunk(means: ChunkMeans, chunk: ChunkRow): Promise<Buffer | undefined> {
  if (chunk.store === chunkStore.fog)
    return means.objects.read(chunkObjectKey(chunk.buildId, chunk.index));
  if (chunk.store === chunkStore.database) {
    const { rows } = await means.pool.query<{ raw_data: Buffer | null }>(
      'SELECT raw_data FROM ci_build_trace_chunks WHERE id = $1',
      [chunk.id],
    );
    return rows[0]?.raw_data ?? undefined;
  }
  const redis = redisOf(means, chunk.store);
  return (await redis.getBuffer(chunkRedisKey(chunk.buildId, chunk.index))) ?? undefined;
}

/** Of the store's data: 0 when there is none. */
export async function chunkSize(means: ChunkMeans, chunk: ChunkRow): Promise<number> {
  if (isLive(chunk.store)) {
    return redisOf(means, chunk.store).strlen(chunkRedisKey(chunk.buildId, chunk.index));
  }
  return (await readChunk(means, chunk))?.length ?? 0;
}

/**
 * At offset 0 the chunk is written anew; beyond its end nothing is written (-1); an append that ends before the chunk's
 * end cuts it.
 */
const appendScript = `
local key, bytes, offset, ttl = KEYS[1], ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local size = redis.call('STRLEN', key)
if offset > size then return -1 end
if offset > 0 and offset + #bytes >= size then
  redis.call('SETRANGE', key, offset, bytes)
  redis.call('EXPIRE', key, ttl)
else
  local kept = ''
  if offset > 0 then kept = redis.call('GETRANGE', key, 0, offset - 1) end
  redis.call('SET', key, kept .. bytes, 'EX', ttl)
end
return redis.call('STRLEN', key)
`;

/** @returns whether the bytes now stand at the offset and end the chunk. */
export async function appendToRedis(
  means: ChunkMeans,
  chunk: Pick<ChunkRow, 'buildId' | 'index' | 'store'>,
  bytes: Buffer,
  offset: number,
): Promise<boolean> {
  const key = chunkRedisKey(chunk.buildId, chunk.index);
  const redis = redisOf(means, chunk.store);
  const size = await redis.eval(appendScript, 1, key, bytes, offset, chunkTtlSeconds);
  return size === offset + bytes.length;
}

/** Whole and at once, in any store; the database's is a column of a row that must exist. */
export async function writeChunk(
  means: ChunkMeans,
  chunk: Pick<ChunkRow, 'buildId' | 'index' | 'store'>,
  bytes: Buffer,
): Promise<void> {
  const { buildId, index, store } = chunk;
  if (store === chunkStore.fog) {
    await means.objects.load([{ key: chunkObjectKey(buildId, index), body: bytes }]);
  } else if (store === chunkStore.database) {
    await means.pool.query(
      'UPDATE ci_build_trace_chunks SET raw_data = $3 WHERE build_id = $1 AND chunk_index = $2',
      [buildId, index, bytes],
    );
  } else {
    await redisOf(means, store).set(chunkRedisKey(buildId, index), bytes, 'EX', chunkTtlSeconds);
  }
}

/** Removes the data where it is not part of the row. */
export async function removeChunkData(
  means: Pick<ChunkMeans, 'objects' | 'redis' | 'chunkRedis'>,
  chunks: readonly Pick<ChunkRow, 'buildId' | 'index' | 'store'>[],
): Promise<void> {
  for (const store of [chunkStore.redis, chunkStore.redisTraceChunks]) {
    const keys = chunks
      .filter((chunk) => chunk.store === store)
      .map(({ buildId, index }) => chunkRedisKey(buildId, index));
    if (keys.length > 0) await redisOf(means, store).del(keys);
  }
  const fog = chunks.filter(({ store }) => store === chunkStore.fog);
  await means.objects.remove(fog.map(({ buildId, index }) => chunkObjectKey(buildId, index)));
}

/** The keys under which the stores outside the database hold the chunks. */
export function outsideKeys(
  chunks: readonly Pick<ChunkRow, 'buildId' | 'index' | 'store'>[],
): string[] {
  return chunks.flatMap(({ buildId, index, store }) => {
    if (store === chunkStore.database) return [];
    return [
      store === chunkStore.fog ? chunkObjectKey(buildId, index) : chunkRedisKey(buildId, index),
    ];
  });
}

/** The rows go first; data that a crash then leaves in Redis and in the bucket has no row. */
export async function destroyChunks(
  gitlab: SmallGitlab,
  buildId: number,
  between: BetweenSteps = () => undefined,
): Promise<void> {
  const rows = await chunkRows(gitlab, buildId);
  if (rows.length === 0) return;
  let left = outsideKeys(rows);
  try {
    await gitlab.pool.query('DELETE FROM ci_build_trace_chunks WHERE id = ANY($1)', [
      rows.map(({ id }) => id),
    ]);
    await between('rows gone');
    await removeChunkData(gitlab, rows);
    left = [];
  } finally {
    if (left.length > 0) gitlab.ledger.append([{ kind: 'orphaned', keys: left }]);
  }
}
