/**
 * Reads and removes the data of chunks in every place where GitLab keeps it: two Redis stores, the database, objects.
 */
import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import {
  chunkBytes,
  chunkObjectKey,
  chunkRedisKey,
  chunkStore,
} from '../../lib/gitlab/trace-chunks';
import type { Place } from './decide';
import type { ChunkObjects, LiveChunks, TraceRows } from './ports';

export interface ChunkStores {
  readonly rows: Pick<TraceRows, 'readRawData'>;
  /** Store 1. */
  readonly sharedState: LiveChunks;
  /** Store 4. */
  readonly traceChunks: LiveChunks;
  readonly objects: ChunkObjects;
}

/** A chunk's place in the trace of a build. */
export interface WantedChunk extends Place {
  readonly buildId: number;
}

/** What was read of a chunk, without its bytes. */
export interface ReadChunk {
  readonly buildId: number;
  readonly index: number;
  /** Null where there is data without a row. */
  readonly rowId: number | null;
  /** Where the bytes were found; after a crashed flush that may differ from the row. */
  readonly store: number;
  readonly sizeBytes: number;
  /** In hex. */
  readonly sha1: string;
  readonly crc32: number;
  /** Of the object, for store 3. */
  readonly etag: string | null;
}

export interface ChunkWithData {
  readonly wanted: WantedChunk;
  /** Null: no store has it. */
  readonly found: { readonly bytes: Buffer; readonly chunk: ReadChunk } | null;
}

/** A longer object is no chunk, with any key. */
const objectBytesMax = 4 * chunkBytes;
const objectsAtOnce = 8;
/** Where a chunk may be if not where its row says: a flush writes, saves the row, then removes. */
const searched = [
  chunkStore.redisTraceChunks,
  chunkStore.redis,
  chunkStore.database,
  chunkStore.fog,
];

type Bytes = { readonly bytes: Buffer; readonly etag: string | null } | null;

/** One round trip for each store; other places are searched only for chunks that are not in theirs. */
export async function readChunks(
  stores: ChunkStores,
  wanted: readonly WantedChunk[],
): Promise<ChunkWithData[]> {
  const found = new Map<WantedChunk, { bytes: Buffer; chunk: ReadChunk }>();
  const take = async (store: number, chunks: readonly WantedChunk[]): Promise<void> => {
    if (chunks.length === 0) return;
    const data = await readFrom(stores, store, chunks);
    chunks.forEach((chunk, at) => {
      const one = data[at];
      if (one) found.set(chunk, { bytes: one.bytes, chunk: describe(chunk, store, one) });
    });
  };
  const byStore = Map.groupBy(wanted, ({ row }) => row?.store ?? 0);
  await Promise.all([...byStore].map(([store, chunks]) => take(store, chunks)));
  for (const store of searched) {
    await take(
      store,
      wanted.filter((chunk) => !found.has(chunk) && chunk.row?.store !== store),
    );
  }
  return wanted.map((chunk) => ({ wanted: chunk, found: found.get(chunk) ?? null }));
}

function describe(
  { buildId, index, row }: WantedChunk,
  store: number,
  { bytes, etag }: NonNullable<Bytes>,
): ReadChunk {
  const sums = { sizeBytes: bytes.length, sha1: sha1Of(bytes), crc32: crc32(bytes) };
  return { buildId, index, rowId: row?.id ?? null, store, ...sums, etag };
}

const sha1Of = (bytes: Buffer): string => createHash('sha1').update(bytes).digest('hex');

async function readFrom(
  stores: ChunkStores,
  store: number,
  chunks: readonly WantedChunk[],
): Promise<Bytes[]> {
  if (store === chunkStore.database) return readRaw(stores, chunks);
  if (store === chunkStore.fog) return readObjects(stores, chunks);
  const redis = redisOf(stores, store);
  if (!redis) return chunks.map(() => null);
  const data = await redis.read(chunks.map(({ buildId, index }) => chunkRedisKey(buildId, index)));
  return data.map((bytes) => (bytes === null ? null : { bytes, etag: null }));
}

function redisOf(stores: ChunkStores, store: number): LiveChunks | undefined {
  if (store === chunkStore.redis) return stores.sharedState;
  return store === chunkStore.redisTraceChunks ? stores.traceChunks : undefined;
}

async function readRaw(stores: ChunkStores, chunks: readonly WantedChunk[]): Promise<Bytes[]> {
  const ids = chunks.flatMap(({ row }) => (row === null ? [] : [row.id]));
  const data = await stores.rows.readRawData(ids);
  return chunks.map(({ row }) => {
    const bytes = row === null ? undefined : data.get(row.id);
    return bytes === undefined ? null : { bytes, etag: null };
  });
}

async function readObjects(stores: ChunkStores, chunks: readonly WantedChunk[]): Promise<Bytes[]> {
  const result: Bytes[] = chunks.map(() => null);
  const queue = chunks.entries();
  const lane = async (): Promise<void> => {
    for (const [at, { buildId, index }] of queue) {
      result[at] = await stores.objects.read(chunkObjectKey(buildId, index), objectBytesMax);
    }
  };
  await Promise.all(Array.from({ length: Math.min(objectsAtOnce, chunks.length) }, lane));
  return result;
}

/** Builds with a chunk whose length has changed since the read: one round trip for each Redis store. */
export async function findGrown(
  stores: ChunkStores,
  chunks: readonly ReadChunk[],
): Promise<ReadonlySet<number>> {
  const grown = new Set<number>();
  for (const store of [chunkStore.redis, chunkStore.redisTraceChunks]) {
    const live = chunks.filter((chunk) => chunk.store === store);
    if (live.length === 0) continue;
    const keys = live.map(({ buildId, index }) => chunkRedisKey(buildId, index));
    const lengths = await redisOf(stores, store)?.lengths(keys);
    live.forEach(({ buildId, sizeBytes }, at) => {
      if (lengths?.[at] !== sizeBytes) grown.add(buildId);
    });
  }
  // Others are compared by their ETag when they are removed; an empty one is removed after its row.
  const empty = chunks.filter(
    ({ store, sizeBytes }) => store === chunkStore.fog && sizeBytes === 0,
  );
  for (const { buildId, index, etag } of empty) {
    const now = await stores.objects.read(chunkObjectKey(buildId, index), objectBytesMax);
    if (now?.etag !== etag) grown.add(buildId);
  }
  return grown;
}

/**
 * Removes the chunks that were read, if unchanged. In Redis also the copy that a flush left behind.
 * @returns the builds with a changed chunk: it stays, and so must its row.
 */
export async function removeChunks(
  stores: ChunkStores,
  chunks: readonly ReadChunk[],
): Promise<ReadonlySet<number>> {
  const changed = new Set<number>();
  if (chunks.length === 0) return changed;
  for (const store of [chunkStore.redis, chunkStore.redisTraceChunks]) {
    const asked = chunks.map(({ buildId, index, sizeBytes, sha1 }) => ({
      key: chunkRedisKey(buildId, index),
      sizeBytes,
      sha1,
    }));
    const removed = await redisOf(stores, store)?.removeUnchanged(asked);
    const others = chunks.filter((_, at) => removed?.[at] !== true);
    for (const chunk of others) {
      if (chunk.store === store) changed.add(chunk.buildId);
      else await removeBeginning(stores, store, chunk);
    }
  }
  const queue = chunks.filter(({ etag }) => etag !== null).values();
  const lane = async (): Promise<void> => {
    for (const { buildId, index, etag } of queue) {
      const isGone = await stores.objects.removeIf(chunkObjectKey(buildId, index), etag ?? '');
      if (!isGone) changed.add(buildId);
    }
  };
  await Promise.all(Array.from({ length: objectsAtOnce }, lane));
  return changed;
}

/**
 * A move out of Redis ended before it removed the key, and the chunk has grown since: the copy is its beginning, and
 * nothing reads it any more. Any other bytes stay.
 */
async function removeBeginning(
  stores: ChunkStores,
  store: number,
  { buildId, index, rowId, store: own }: ReadChunk,
): Promise<void> {
  if (rowId === null || own !== chunkStore.database) return;
  const key = chunkRedisKey(buildId, index);
  const [copy] = (await redisOf(stores, store)?.read([key])) ?? [];
  const bytes = (await stores.rows.readRawData([rowId])).get(rowId);
  if (!copy || !bytes?.subarray(0, copy.length).equals(copy)) return;
  const asked = { key, sizeBytes: copy.length, sha1: sha1Of(copy) };
  await redisOf(stores, store)?.removeUnchanged([asked]);
}
