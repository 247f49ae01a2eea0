/**
 * Leases on chunks, and their move into their rows, in memory; conformance tests compare them with Redis and
 * PostgreSQL.
 */
import { randomUUID } from 'node:crypto';
import type {
  ChunkLease,
  ChunkLeases,
  ChunkMove,
  ChunkMoves,
  Cursor,
} from '../../../consumers/trace-archiver/redis-guard/ports';
import type { MemoryTraceRows } from './memory-traces';

const nameOf = ({ buildId, index }: { buildId: number; index: number }): string =>
  `${buildId}:${index}`;

export class MemoryChunkLeases implements ChunkLeases {
  readonly held = new Map<string, string>();

  has(buildId: number, index: number): boolean {
    return this.held.has(nameOf({ buildId, index }));
  }

  acquire(chunks: readonly { buildId: number; index: number }[]): Promise<ChunkLease[]> {
    const free = chunks.filter((chunk) => !this.held.has(nameOf(chunk)));
    const taken = free.map(({ buildId, index }) => ({ buildId, index, token: randomUUID() }));
    for (const lease of taken) this.held.set(nameOf(lease), lease.token);
    return Promise.resolve(taken);
  }

  renew(leases: readonly ChunkLease[]): Promise<boolean> {
    return Promise.resolve(leases.every((one) => this.held.get(nameOf(one)) === one.token));
  }

  release(leases: readonly ChunkLease[]): Promise<void> {
    for (const one of leases) {
      if (this.held.get(nameOf(one)) === one.token) this.held.delete(nameOf(one));
    }
    return Promise.resolve();
  }
}

export class MemoryChunkMoves implements ChunkMoves {
  readonly #rows: MemoryTraceRows;
  /** Between the UPDATE and the check whether it may be committed. */
  beforeQuestion: () => void = () => undefined;
  /** How long the database takes for each move. */
  elapsedMs = 10;
  /** Bytes of each transaction that was committed. */
  readonly committed: number[] = [];

  constructor(rows: MemoryTraceRows) {
    this.#rows = rows;
  }

  readPage({ partitionId, afterBuildId }: Cursor, buildsMax: number) {
    const rows = [...this.#rows.chunks.values()].filter(({ store }) => store !== 3);
    const partitionOf = (buildId: number) => this.#rows.builds.get(buildId)?.partitionId ?? 0;
    const ids = rows
      .map(({ buildId }) => buildId)
      .filter((buildId) => partitionOf(buildId) === partitionId && buildId > afterBuildId);
    const buildIds = [...new Set(ids)].toSorted((a, b) => a - b).slice(0, buildsMax);
    if (buildIds.length === buildsMax) {
      const next = { partitionId, afterBuildId: buildIds.at(-1) ?? 0 };
      return Promise.resolve({ buildIds, next });
    }
    const above = rows.map(({ buildId }) => partitionOf(buildId)).filter((id) => id > partitionId);
    const next = above.length === 0 ? null : { partitionId: Math.min(...above), afterBuildId: 0 };
    return Promise.resolve({ buildIds, next });
  }

  async move(
    moves: readonly ChunkMove[],
    _commitWithinMs: number,
    mayCommit: () => Promise<boolean>,
  ): Promise<{ ids: ReadonlySet<number>; elapsedMs: number }> {
    const { elapsedMs } = this;
    this.beforeQuestion();
    if (!(await mayCommit())) return { ids: new Set(), elapsedMs };
    const fit = moves.filter(({ id, store, lockVersion }) => {
      const row = this.#rows.chunks.get(id);
      return row?.store === store && row.lockVersion === lockVersion;
    });
    for (const { id, bytes, crc32, lockVersion } of fit) {
      const row = this.#rows.chunks.get(id);
      if (!row) continue;
      const moved = { store: 2, rawData: bytes, checksum: String(crc32) };
      this.#rows.chunks.set(id, { ...row, ...moved, lockVersion: lockVersion + 1 });
    }
    this.committed.push(fit.reduce((sum, { bytes }) => sum + bytes.length, 0));
    return { ids: new Set(fit.map(({ id }) => id)), elapsedMs };
  }
}
