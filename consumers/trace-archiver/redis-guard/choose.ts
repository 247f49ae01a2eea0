/** Chooses which chunks leave Redis, and in which order. Pure: from rows, lengths and times to live. */
import { chunkBytes, chunkStore, isLive } from '../../../lib/gitlab/trace-chunks';
import { traceKeyBy } from '../../../lib/gitlab/trace-key';
import type { BuildTrace, ChunkRow } from '../../../lib/gitlab/trace-rows';
import type { Memory } from './ports';

/** Redis' answer for a chunk's key. */
export interface SeenKey {
  /** 0 also for a missing key. */
  readonly sizeBytes: number;
  /** Null: never, or a missing key. */
  readonly endsInMs: number | null;
}

export interface SeenChunk {
  readonly partitionId: number;
  readonly trace: BuildTrace;
  readonly row: ChunkRow;
  /** In the Redis that the row names; for a chunk in the database, what a crash has left in either. */
  readonly key: SeenKey;
}

export interface Need {
  /** Stores whose Redis must lose some data. */
  readonly crowded: ReadonlySet<number>;
  /** Data that Redis drops sooner than this always moves. */
  readonly ttlMs: number;
  /** Includes chunks of running builds that will not be written to any more. */
  readonly includesRunning: boolean;
}

export interface Choice extends SeenChunk {
  /**
   * - `move`: from Redis into its row;
   * - `settle`: the row has it already, and a crash or a stalled writer left something in Redis.
   */
  readonly kind: 'move' | 'settle';
}

const finished = new Set(['success', 'failed', 'canceled']);

export const hasEnded = ({ status }: BuildTrace): boolean => finished.has(status ?? '');

/** In the order of moving: finished builds first, then what Redis would drop first. */
export function choose(seen: readonly SeenChunk[], need: Need): Choice[] {
  const chosen = seen.flatMap((chunk): Choice[] => {
    if (isLeftover(chunk)) return [{ ...chunk, kind: 'settle' }];
    return isMovable(chunk, need) ? [{ ...chunk, kind: 'move' }] : [];
  });
  return chosen.toSorted(
    (a, b) =>
      Number(hasEnded(b.trace)) - Number(hasEnded(a.trace)) ||
      endOf(a) - endOf(b) ||
      a.trace.buildId - b.trace.buildId ||
      a.row.index - b.row.index,
  );
}

const endOf = ({ key }: SeenChunk): number => key.endsInMs ?? Number.MAX_SAFE_INTEGER;

const isLeftover = ({ row, key }: SeenChunk): boolean =>
  row.store === chunkStore.database && (key.sizeBytes > 0 || key.endsInMs !== null);

/** The guard ignores data that GitLab removes itself, and data that is no chunk. */
function isGuarded({ trace, row, key }: SeenChunk): boolean {
  const isSound = row.index >= 0 && key.sizeBytes <= chunkBytes;
  return isLive(row.store) && isSound && trace.type === 'Ci::Build' && !trace.isErased;
}

function isMovable(chunk: SeenChunk, need: Need): boolean {
  const { trace, row, key } = chunk;
  if (!isGuarded(chunk) || isCovered(chunk)) return false;
  if (key.endsInMs !== null && key.endsInMs < need.ttlMs) return true;
  if (key.sizeBytes === 0 || !need.crowded.has(row.store)) return false;
  return hasEnded(trace) || (need.includesRunning && isWritten(chunk));
}

/** Our archived object has it: the archiver removes it, without load on the database. */
function isCovered({ partitionId, trace, row, key }: SeenChunk): boolean {
  const { artifact, buildId, projectId } = trace;
  if (artifact === null) return false;
  const { fileFinalPath } = artifact;
  if (fileFinalPath !== traceKeyBy({ partitionId, buildId, projectId }, fileFinalPath))
    return false;
  return row.index * chunkBytes + key.sizeBytes <= (artifact.sizeBytes ?? 0);
}

/**
 * Chunks that GitLab would flush itself: nothing is appended to a full chunk, nor to the last one once the runner is
 * done.
 */
function isWritten({ trace, row, key }: SeenChunk): boolean {
  if (key.sizeBytes === chunkBytes) return true;
  return trace.pending !== null && row.index === trace.chunks.at(-1)?.index;
}

/** At most so many bytes in each, but always one chunk. */
export function* batchesOf(
  choices: readonly Choice[],
  batchBytes: () => number,
): Generator<Choice[], void, undefined> {
  let batch: Choice[] = [];
  let bytes = 0;
  for (const choice of choices) {
    const { sizeBytes } = choice.key;
    if (batch.length > 0 && bytes + sizeBytes > batchBytes()) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(choice);
    bytes += sizeBytes;
  }
  if (batch.length > 0) yield batch;
}

export interface SeenServer {
  readonly stores: readonly number[];
  /** Null while it does not answer. */
  readonly memory: Memory | null;
}

/** @returns how many bytes it has beyond its share of the limit; 0 with room, and without a limit. */
export function excessBytes({ memory }: SeenServer, startPercent: number): number {
  if (memory?.maxBytes == null) return 0;
  return Math.max(0, memory.usedBytes - (memory.maxBytes * startPercent) / 100);
}

/** @returns the stores of the servers that are too full. */
export function crowdedStores(
  servers: readonly SeenServer[],
  startPercent: number,
): ReadonlySet<number> {
  const crowded = servers.filter((server) => excessBytes(server, startPercent) > 0);
  return new Set(crowded.flatMap(({ stores }) => stores));
}
