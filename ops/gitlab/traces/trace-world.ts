/** Builders of builds with traces, one or thousands, in any of the stores, for scenarios. */
import { chunkBytes, chunkStore } from '../../../lib/gitlab/trace-chunks';
import type { LedgerEntry } from '../ledger';
import type { TraceBuild } from './live-trace';
import { createRandom, type Random } from '../random';
import { databaseNowMs, inTransaction } from '../small-gitlab';
import { type ChunkStore } from './trace-stores';
import {
  finishBuilds,
  insertRunningBuilds,
  reportStates,
  storeLiveTraces,
  type FinalStatus,
} from './traces';
import type { World } from '../world';

/** `mixed` goes through the four stores, chunk by chunk, the last chunk in Redis. */
export type StoreChoice = 'redis' | 'shared-redis' | 'database' | 'fog' | 'mixed';

interface TraceWish {
  /** 1,000 by default; 0 is a chunk without bytes. */
  readonly sizeBytes?: number;
  readonly stores?: StoreChoice;
  /** The runner's report at the end; nothing by default. */
  readonly pendingState?: 'none' | 'right' | 'wrong sum' | 'wrong size';
  /** Null for a build that still runs; success by default. */
  readonly status?: FinalStatus | null;
  /** Of `finished_at`, before the database's now; 10 s by default. */
  readonly finishedAgoMs?: number;
  readonly partitionId?: number;
  /** Whether `verify` counts it; so by default. */
  readonly counted?: boolean;
}

const usual = {
  sizeBytes: 1_000,
  stores: 'redis',
  pendingState: 'none',
  status: 'success',
  finishedAgoMs: 10_000,
  partitionId: 100,
  counted: true,
} as const satisfies TraceWish;

const { redis, database, fog, redisTraceChunks } = chunkStore;
const storesOf: Readonly<Record<StoreChoice, (fromEnd: number) => ChunkStore>> = {
  redis: () => redisTraceChunks,
  'shared-redis': () => redis,
  database: () => database,
  fog: () => fog,
  mixed: (fromEnd) => [redisTraceChunks, database, fog, redis][fromEnd % 4] ?? redis,
};

/** Builds of one transaction. */
const batchBuilds = 500;
/** Bytes of traces of one transaction, which are in memory for a moment. */
const batchBytes = 64_000_000;

export class TraceWorld {
  private readonly random: Random;

  constructor(
    private readonly world: World,
    randomSeed = 1,
  ) {
    this.random = createRandom(randomSeed);
  }

  /** Created, run, written and finished, each in a commit that CDC sees. */
  async aFinishedTrace(wish: TraceWish = {}): Promise<TraceBuild> {
    const [build] = await this.manyTraces({ ...wish, count: 1 });
    return build as TraceBuild;
  }

  async aRunningTrace(wish: Omit<TraceWish, 'status' | 'finishedAgoMs'> = {}): Promise<TraceBuild> {
    return this.aFinishedTrace({ ...wish, status: null });
  }

  /** A build that finished and never wrote a byte: no chunk row at all. */
  async aBuildWithoutTrace(wish: Pick<TraceWish, 'partitionId' | 'status'> = {}) {
    const { partitionId, status } = { ...usual, ...wish };
    return this.world.aBuild({ partitionId, status: status ?? 'running' });
  }

  /** Many of one kind, hundreds a transaction. @returns them in order of id. */
  async manyTraces(given: TraceWish & { readonly count: number }): Promise<TraceBuild[]> {
    const wish = { ...usual, ...given };
    const size = Math.min(batchBuilds, Math.ceil(batchBytes / Math.max(1, wish.sizeBytes)));
    const all: TraceBuild[] = [];
    while (all.length < wish.count) {
      const count = Math.min(size, wish.count - all.length);
      for (const build of await this.storeBatch({ ...wish, count })) all.push(build);
    }
    return all;
  }

  private async storeBatch(
    wish: Required<TraceWish> & { readonly count: number },
  ): Promise<TraceBuild[]> {
    const { gitlab } = this.world;
    const projectIds = [await this.world.aProject()];
    const baseMs = await databaseNowMs(gitlab.pool);
    const builds = await inTransaction(gitlab.pool, (client) =>
      insertRunningBuilds(client, {
        ...{ count: wish.count, random: this.random, baseMs, projectIds },
        partitionIds: [wish.partitionId],
      }),
    );
    const entries = await inTransaction(gitlab.pool, async (client) => {
      const last = Math.max(0, Math.ceil(wish.sizeBytes / chunkBytes) - 1);
      const storeOf = (index: number): ChunkStore => storesOf[wish.stores](last - index);
      const { sizeBytes, counted } = wish;
      const plans = builds.map((build) => ({ build, sizeBytes, counted, storeOf }));
      const entries: LedgerEntry[] = await storeLiveTraces(gitlab, client, plans);
      if (wish.pendingState !== 'none') await reportStates(client, statesOf(builds, wish));
      return entries;
    });
    gitlab.ledger.append(entries);
    if (wish.status !== null) await this.finish(builds, wish, baseMs);
    return builds;
  }

  private async finish(
    builds: readonly TraceBuild[],
    { status, finishedAgoMs }: Required<TraceWish>,
    baseMs: number,
  ): Promise<void> {
    const done = {
      statusOf: () => status ?? 'success',
      finishedAtMsOf: () => baseMs - finishedAgoMs,
    };
    const { pool, ledger } = this.world.gitlab;
    ledger.append(await finishBuilds(pool, builds, done));
  }
}

function statesOf(
  builds: readonly TraceBuild[],
  { sizeBytes, pendingState }: Required<TraceWish>,
): Parameters<typeof reportStates>[1] {
  return builds.map((build) => ({
    build,
    sizeBytes: pendingState === 'wrong size' ? sizeBytes + 1 : sizeBytes,
    ...(pendingState === 'wrong sum' ? { crc32: 1 } : {}),
  }));
}
