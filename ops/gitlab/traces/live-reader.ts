/**
 * Reads traces like GitLab's web and API, at any moment, and compares them with the ledger: the archived object first,
 * else the chunks from the stores that their rows name. After a chunk that cannot be read the reader loads the build
 * again (it may just have been archived).
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { chunkBytes } from '../../../lib/gitlab/trace-chunks';
import { traceRow } from './archived-trace';
import type { LedgerState } from '../ledger';
import { createRandom } from '../random';
import { firstDifference } from './trace-bytes';
import type { KnownTrace } from './trace-ledger';
import { lossyDifference } from './trace-pieces';
import { chunkRows, readChunk, type ChunkMeans } from './trace-stores';

interface TraceRead {
  readonly from: 'archive' | 'chunks' | 'nowhere';
  readonly bytes: Buffer;
}

class UnreadableChunkError extends Error {
  override readonly name = 'UnreadableChunkError';
}

/** GitLab loads the build again once; a flush and an archive may follow each other, so twice here. */
const reloads = 2;

/** @throws UnreadableChunkError when a chunk before the last is absent or short, also after reloads. */
export async function readTrace(means: ChunkMeans, buildId: number): Promise<TraceRead> {
  for (let left = reloads; ; left -= 1) {
    try {
      return await readOnce(means, buildId);
    } catch (error) {
      if (!(error instanceof UnreadableChunkError) || left === 0) throw error;
    }
  }
}

async function readOnce(means: ChunkMeans, buildId: number): Promise<TraceRead> {
  const row = await traceRow(means.pool, buildId);
  const archived = row?.key == null ? undefined : await means.objects.read(row.key);
  if (archived) return { from: 'archive', bytes: archived };
  const rows = await chunkRows(means, buildId);
  const parts: Buffer[] = [];
  for (const [place, chunk] of rows.entries()) {
    const bytes = (await readChunk(means, chunk)) ?? Buffer.alloc(0);
    const isFull = bytes.length === chunkBytes || place === rows.length - 1;
    if (chunk.index !== place || !isFull) {
      throw new UnreadableChunkError(`Chunk ${place} of build ${buildId} cannot be read.`);
    }
    parts.push(bytes);
  }
  return { from: rows.length === 0 ? 'nowhere' : 'chunks', bytes: Buffer.concat(parts) };
}

/** One break of I1, found by a reader. */
interface Violation {
  readonly buildId: number;
  /** The first byte that is wrong or missing. */
  readonly atByte: number;
  readonly promisedBytes: number;
  readonly readBytes: number;
  readonly from: TraceRead['from'] | 'unreadable';
}

/**
 * Reads one trace and compares it with the bytes that the ledger promised before the read began.
 * @returns undefined when every promised byte was read, or the trace was erased meanwhile.
 */
export async function checkTrace(
  means: ChunkMeans,
  trace: KnownTrace,
): Promise<Violation | undefined> {
  let violation: Violation | undefined;
  for (let left = reloads; left >= 0; left -= 1) {
    if (trace.gone !== 'no') return undefined;
    violation = await lookOnce(means, trace);
    if (!violation) return undefined;
  }
  return isGone(trace) ? undefined : violation;
}

/** Read again: an erase is in the ledger before it begins, perhaps during this read. */
function isGone(trace: KnownTrace): boolean {
  return trace.gone !== 'no';
}

async function lookOnce(means: ChunkMeans, trace: KnownTrace): Promise<Violation | undefined> {
  const { buildId, lengthBytes: promisedBytes } = trace;
  const found = { buildId, promisedBytes, readBytes: 0, from: 'unreadable' as const };
  try {
    const read = await readTrace(means, buildId);
    const atByte = await missingFrom(means, trace, read, promisedBytes);
    if (atByte === undefined) return undefined;
    return { ...found, from: read.from, readBytes: read.bytes.length, atByte };
  } catch (error) {
    if (!(error instanceof UnreadableChunkError)) throw error;
    // GitLab shows an error while a chunk is lost; the rest of the trace must still exist.
    const survives = trace.lost.length > 0 && (await survivorsAreThere(means, trace));
    return survives ? undefined : { ...found, atByte: 0 };
  }
}

/** @returns the first promised byte that was not read, or the first wrong one. */
async function missingFrom(
  means: ChunkMeans,
  { buildId, lost }: KnownTrace,
  { from, bytes }: TraceRead,
  promisedBytes: number,
): Promise<number | undefined> {
  const wrongAt = firstDifference(buildId, bytes);
  if (wrongAt === undefined && bytes.length >= promisedBytes) return undefined;
  if (lost.length > 0) return lossyDifference(buildId, bytes, promisedBytes, lost);
  if (wrongAt !== undefined || from !== 'archive') return wrongAt ?? bytes.length;
  const reached = await lateBytesTo(means, buildId, bytes.length);
  return reached >= promisedBytes ? undefined : reached;
}

/** Bytes that came after the archive wait in chunks, at their own place, until the archive is extended. */
async function lateBytesTo(
  means: ChunkMeans,
  buildId: number,
  archivedBytes: number,
): Promise<number> {
  let reached = archivedBytes;
  for (const chunk of await chunkRows(means, buildId)) {
    const start = chunk.index * chunkBytes;
    const bytes = await readChunk(means, chunk);
    if (!bytes || start > reached || start + bytes.length <= reached) continue;
    if (firstDifference(buildId, bytes, start) !== undefined) return reached;
    reached = start + bytes.length;
  }
  return reached;
}

async function survivorsAreThere(means: ChunkMeans, trace: KnownTrace): Promise<boolean> {
  const covered: { fromByte: number; toByte: number }[] = [...trace.lost];
  for (const chunk of await chunkRows(means, trace.buildId)) {
    const fromByte = chunk.index * chunkBytes;
    const bytes = await readChunk(means, chunk);
    if (!bytes || firstDifference(trace.buildId, bytes, fromByte) !== undefined) continue;
    covered.push({ fromByte, toByte: fromByte + bytes.length });
  }
  let reached = 0;
  for (const { fromByte, toByte } of covered.sort((a, b) => a.fromByte - b.fromByte)) {
    if (fromByte <= reached) reached = Math.max(reached, toByte);
  }
  return reached >= trace.lengthBytes;
}

interface WatchOptions {
  readonly randomSeed?: number;
  /** Between two reads; the machine has other work. */
  readonly everyMs?: number;
}

interface Watched {
  readonly reads: number;
  readonly violations: readonly Violation[];
  /** Reads without an answer of a store; they prove nothing about the bytes. */
  readonly unanswered: number;
}

export interface TraceWatch {
  /** Ends after the running read. */
  stop(): Promise<Watched>;
}

/**
 * Reads random traces of the ledger until stopped. The ledger is read before each trace, so keep a large one in memory
 * (MemoryLedger).
 */
export function watchTraces(
  means: ChunkMeans & { readonly ledger: { read(): Promise<LedgerState> } },
  { randomSeed = 1, everyMs = 20 }: WatchOptions = {},
): TraceWatch {
  const random = createRandom(randomSeed);
  const stopping = new AbortController();
  const violations: Violation[] = [];
  const counts = { reads: 0, unanswered: 0 };
  const look = async (): Promise<void> => {
    const { traces } = await means.ledger.read();
    const known = [...traces.values()].filter(({ gone }) => gone === 'no');
    if (known.length === 0) return;
    const violation = await checkTrace(means, random.oneOf(known));
    if (violation) violations.push(violation);
    counts.reads += 1;
  };
  const loop = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      // A scenario may stop a server; then there is nothing to compare.
      await look().catch(() => (counts.unanswered += 1));
      await sleep(everyMs, undefined, { signal: stopping.signal }).catch(() => undefined);
    }
  };
  const done = loop();
  return {
    async stop() {
      stopping.abort();
      await done;
      return { ...counts, violations };
    },
  };
}
