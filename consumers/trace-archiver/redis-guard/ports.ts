/** The interfaces that the guard needs beyond the archiver's; main.ts plugs the adapters in. */
import type { chunkStore } from '../../../lib/gitlab/trace-chunks';
import type {
  ChunkMove,
  MovableCursor,
  MovablePage,
  Moved,
} from '../../../lib/stores/postgres/chunk-moves';

export type { ChunkMove };

type GuardStore = typeof chunkStore.redis | typeof chunkStore.redisTraceChunks;

export interface Memory {
  readonly usedBytes: number;
  /** Null: unlimited. */
  readonly maxBytes: number | null;
}

/** A Redis server that holds live chunks. */
export interface GuardedRedis {
  /** GitLab's use of it; `shared-state` where both are one server. */
  readonly name: 'shared-state' | 'trace-chunks';
  /** The values of `data_store` whose data it holds. */
  readonly stores: readonly GuardStore[];
  memory(): Promise<Memory>;
}

export type Cursor = MovableCursor;

export interface ChunkMoves {
  /** Builds with chunks outside the bucket, in order; `next` is null behind the last one. */
  readPage(from: Cursor, buildsMax: number): Promise<MovablePage>;
  /** Nothing is changed unless `mayCommit` returns true, and the commit follows within `commitWithinMs`. */
  move(
    moves: readonly ChunkMove[],
    commitWithinMs: number,
    mayCommit: () => Promise<boolean>,
  ): Promise<Moved>;
}

export interface ChunkLease {
  readonly buildId: number;
  readonly index: number;
  readonly token: string;
}

export interface ChunkLeases {
  /** @returns the free ones, now ours. */
  acquire(
    chunks: readonly { readonly buildId: number; readonly index: number }[],
  ): Promise<readonly ChunkLease[]>;
  /** @returns whether all of them are still ours. */
  renew(leases: readonly ChunkLease[]): Promise<boolean>;
  release(leases: readonly ChunkLease[]): Promise<void>;
}

export interface GuardCounts {
  moved(chunks: number, bytes: number): void;
}
