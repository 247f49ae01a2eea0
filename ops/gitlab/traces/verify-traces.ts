/**
 * The traces' part of `verify`: every byte that the ledger promises can be read (I1), and nothing is left of archived,
 * erased or deleted traces (I2, I4), unless GitLab itself left it so.
 */
import type { Redis } from 'ioredis';
import type { TraceRow } from './archived-trace';
import type { Breaks } from '../breaks';
import type { LedgerState } from '../ledger';
import { checkTrace } from './live-reader';
import { inParallel } from '../objects';
import { traceSha256 } from './trace-bytes';
import type { KnownTrace } from './trace-ledger';
import { outsideKeys, type ChunkMeans, type ChunkStore } from './trace-stores';

export interface TraceCounts {
  /** Traces of the N in their object, with nothing left of their chunks. */
  readonly archived: number;
  /** Traces of the N that have finished and still live in chunks. */
  readonly waiting: number;
}

interface TraceView {
  readonly ledger: LedgerState;
  /** By build. */
  readonly rows: ReadonlyMap<number, TraceRow>;
  /** Sizes of the bucket's objects at the traces' keys. */
  readonly objects: ReadonlyMap<string, number>;
  /** All keys of chunks in the bucket. */
  readonly fogKeys: ReadonlySet<string>;
  /** Whether a finished build may still wait for its archive. */
  readonly mayWait: boolean;
}

const readsInFlight = 4;

/** Call it when GitLab and the pipeline are quiet. @throws the stores' errors. */
export async function verifyTraces(
  means: ChunkMeans,
  view: TraceView,
  breaks: Breaks,
): Promise<TraceCounts> {
  const places = await chunkPlaces(means);
  const chunks = new Set(places.map(({ buildId }) => buildId));
  const pending = await buildsWithState(means);
  const counts = { archived: 0, waiting: 0 };
  await inParallel([...view.ledger.traces.values()], readsInFlight, async (trace) => {
    const violation = await checkTrace(means, trace);
    if (violation) breaks.add('I1', 'traces cannot be read whole', tell(violation));
    const left = { chunks: chunks.has(trace.buildId), state: pending.has(trace.buildId) };
    const state = judge(trace, left, view, breaks);
    if (trace.counted && state !== undefined) counts[state] += 1;
  });
  await findOrphans(means, places, view, breaks);
  return counts;
}

function tell(found: { buildId: number; atByte: number; promisedBytes: number; from: string }) {
  return `build ${found.buildId} at byte ${found.atByte} of ${found.promisedBytes} (${found.from})`;
}

interface Left {
  readonly chunks: boolean;
  readonly state: boolean;
}

/** @returns where a finished trace is now; undefined when it is in no valid place. */
function judge(
  trace: KnownTrace,
  left: Left,
  view: TraceView,
  breaks: Breaks,
): keyof TraceCounts | undefined {
  const row = view.rows.get(trace.buildId);
  if (trace.gone === 'gone') {
    judgeGone(trace, row, left, breaks);
    return undefined;
  }
  if (trace.stays !== undefined) return undefined;
  if (row) {
    const objectBytes = view.objects.get(row.key ?? '');
    if (objectBytes !== undefined) return judgeArchived(trace, { row, objectBytes, left }, breaks);
    breaks.add('I3', 'trace rows point at missing objects', row.id);
  }
  if (!trace.finished || !left.chunks) return undefined;
  if (!view.mayWait) breaks.add('I4', 'finished builds still have their chunks', trace.buildId);
  return 'waiting';
}

function judgeArchived(
  trace: KnownTrace,
  found: { row: TraceRow; objectBytes: number; left: Left },
  breaks: Breaks,
): 'archived' | undefined {
  const { left } = found;
  compareRow(trace, found.row, found.objectBytes, breaks);
  if (!trace.finished) breaks.add('I5', 'builds were archived before their end', trace.buildId);
  if (left.state) breaks.add('I4', 'archived builds still have a pending state', trace.buildId);
  if (!left.chunks) return 'archived';
  breaks.add('I4', 'archived builds still have chunk rows', trace.buildId);
  return undefined;
}

/**
 * GitLab looks for an archived trace first, and destroys the chunks and marks the build later: a trace that is archived
 * in between stays, with GitLab's own archiver as with ours.
 */
function judgeGone(
  { buildId }: KnownTrace,
  row: TraceRow | undefined,
  left: Left,
  breaks: Breaks,
): void {
  if (row && row.isOfErasure !== true) breaks.add('I4', 'erased builds have a trace', buildId);
  if (left.chunks) breaks.add('I4', 'erased builds still have chunk rows', buildId);
}

function compareRow(trace: KnownTrace, row: TraceRow, objectBytes: number, breaks: Breaks): void {
  if (row.sizeBytes !== objectBytes) {
    breaks.add('I1', 'trace rows tell another size than their object has', trace.buildId);
  } else if (row.sha256 !== undefined && trace.lost.length === 0) {
    if (row.sha256 !== traceSha256(trace.buildId, objectBytes)) {
      breaks.add('I1', 'trace rows tell another SHA-256 than their bytes have', trace.buildId);
    }
  }
}

interface ChunkPlace {
  readonly buildId: number;
  readonly index: number;
  readonly store: ChunkStore;
}

async function chunkPlaces({ pool }: Pick<ChunkMeans, 'pool'>): Promise<ChunkPlace[]> {
  const { rows } = await pool.query<{
    build_id: string;
    chunk_index: number;
    data_store: ChunkStore;
  }>('SELECT build_id, chunk_index, data_store FROM ci_build_trace_chunks');
  return rows.map((row) => ({
    buildId: Number(row.build_id),
    index: row.chunk_index,
    store: row.data_store,
  }));
}

async function buildsWithState({ pool }: Pick<ChunkMeans, 'pool'>): Promise<ReadonlySet<number>> {
  const { rows } = await pool.query<{ build_id: string }>(
    'SELECT build_id FROM ci_build_pending_states',
  );
  return new Set(rows.map(({ build_id }) => Number(build_id)));
}

/** Chunk data that no chunk row claims, in either Redis and in the bucket. */
async function findOrphans(
  means: ChunkMeans,
  places: readonly ChunkPlace[],
  { ledger, fogKeys }: TraceView,
  breaks: Breaks,
): Promise<void> {
  const known = new Set([...ledger.orphans, ...outsideKeys(places)]);
  const redisKeys = new Set<string>();
  for (const redis of new Set([means.redis, means.chunkRedis ?? means.redis])) {
    for (const key of await chunkKeys(redis)) redisKeys.add(key);
  }
  const without = (keys: ReadonlySet<string>) => [...keys].filter((key) => !known.has(key));
  for (const key of without(redisKeys)) breaks.add('I4', 'chunks in Redis have no row', key);
  for (const key of without(fogKeys)) breaks.add('I4', 'chunks in the bucket have no row', key);
}

async function chunkKeys(redis: Redis): Promise<string[]> {
  const keys: string[] = [];
  for await (const page of redis.scanStream({
    match: 'gitlab:ci:trace:*:chunks:*',
    count: 1_000,
  })) {
    keys.push(...(page as string[]));
  }
  return keys;
}
