/**
 * The traces of a seeded GitLab: three fifths of all builds wait to be archived, and are the N of the final line. The
 * rest are GitLab's: archived long ago, to be archived by GitLab, to be erased, or running.
 */
import { chunkStore } from '../../../lib/gitlab/trace-chunks';
import type { LedgerEntry } from '../ledger';
import type { TraceBuild } from './live-trace';
import type { Random } from '../random';
import { inTransaction, type SmallGitlab } from '../small-gitlab';
import { type ChunkStore } from './trace-stores';
import {
  finishBuilds,
  insertRunningBuilds,
  reportStates,
  storeLiveTraces,
  storeTraces,
  type FinalStatus,
  type TracePlan,
} from './traces';

interface SeedTracesInput {
  /** Builds with a trace. */
  readonly count: number;
  readonly random: Random;
  readonly baseMs: number;
  readonly projectIds: readonly number[];
}

/** What GitLab continues while the pipeline runs. */
export interface TraceWork {
  /** Of the N: they still run. */
  readonly toFinish: TraceBuild[];
  /** Still running, not of the N: when they end, GitLab's own archiver is as quick as the pipeline. */
  readonly toArchive: TraceBuild[];
  /** Live, not of the N: a user erases them. */
  readonly toErase: TraceBuild[];
}

const batchBuilds = 100;
/** The N have the large ones. */
const othersBytesMax = 200_000;
const statuses: readonly FinalStatus[] = ['success', 'success', 'success', 'failed', 'canceled'];

export function emptyTraceWork(): TraceWork {
  return { toFinish: [], toArchive: [], toErase: [] };
}

/** How many of so many builds are the N. */
export function countedTraces(builds: number): number {
  return Math.floor((builds * 3) / 5);
}

/** Chunks are stored before their build finishes; one commit brings both to CDC. */
export async function seedTraceBuilds(
  gitlab: SmallGitlab,
  input: SeedTracesInput,
): Promise<TraceWork> {
  const work = emptyTraceWork();
  const counted = countedTraces(input.count);
  for (let done = 0; done < counted; done += batchBuilds) {
    const count = Math.min(batchBuilds, counted - done);
    const live = await storeBatch(gitlab, { ...input, count }, done);
    live.forEach((build, index) => {
      if (!isFinishedAtOnce(index)) work.toFinish.push(build);
    });
  }
  const others = input.count - counted;
  for (let done = 0; done < others; done += batchBuilds) {
    const count = Math.min(batchBuilds, others - done);
    await seedOthers(gitlab, { ...input, count }, work);
  }
  return work;
}

/** Two of three end before the pipeline runs, the rest while it does. */
function isFinishedAtOnce(index: number): boolean {
  return index % 3 !== 0;
}

async function storeBatch(
  gitlab: SmallGitlab,
  input: SeedTracesInput,
  before: number,
): Promise<TraceBuild[]> {
  const { random, baseMs } = input;
  const stored = await inTransaction(gitlab.pool, async (client) => {
    const builds = await insertRunningBuilds(client, input);
    const plans = builds.map((build, index) => planTrace(build, before + index, random));
    const entries: LedgerEntry[] = await storeLiveTraces(gitlab, client, plans);
    const finished = plans.filter((_, index) => isFinishedAtOnce(index));
    await reportStates(
      client,
      finished.filter(() => random.whole(1, 3) > 1),
    );
    entries.push(...(await finish(client, finished.map(buildOf), { random, baseMs })));
    return { builds, entries };
  });
  gitlab.ledger.append(stored.entries);
  return stored.builds;
}

async function finish(
  client: Parameters<typeof finishBuilds>[0],
  builds: readonly TraceBuild[],
  { random, baseMs }: Pick<SeedTracesInput, 'random' | 'baseMs'>,
): Promise<LedgerEntry[]> {
  return finishBuilds(client, builds, {
    statusOf: () => random.oneOf(statuses),
    finishedAtMsOf: () => baseMs - random.whole(60_000, 3_600_000),
  });
}

function buildOf({ build }: TracePlan): TraceBuild {
  return build;
}

function planTrace(build: TraceBuild, place: number, random: Random): TracePlan {
  const sizeBytes = sizeOf(place, random);
  const stores = random.oneOf(storeMixes);
  return { build, sizeBytes, storeOf: (index) => storeAt(stores, index), counted: true };
}

const { redis, redisTraceChunks, database, fog } = chunkStore;
/** Store by chunk, repeated; most traces never leave Redis before they are archived. */
const storeMixes: readonly (readonly [ChunkStore, ...ChunkStore[]])[] = [
  [redisTraceChunks],
  [redisTraceChunks],
  [redisTraceChunks],
  [redis],
  [database],
  [fog],
  [fog, database, redisTraceChunks, redis],
];

function storeAt(stores: readonly [ChunkStore, ...ChunkStore[]], index: number): ChunkStore {
  return stores[index % stores.length] ?? stores[0];
}

/** Mostly the output of jobs; a few large ones, an empty one, and sizes at a chunk's border. */
function sizeOf(place: number, random: Random): number {
  if (place % 100 === 7) return random.whole(2_000_000, 20_000_000);
  if (place % 25 === 3) return 131_072 * random.whole(1, 3);
  if (place % 25 === 5) return 0;
  return place % 5 === 0 ? random.whole(100_000, 600_000) : random.whole(50, 16_384);
}

/** Archived long ago, running for ever, GitLab's own to archive, and about to be erased. */
async function seedOthers(
  gitlab: SmallGitlab,
  input: SeedTracesInput,
  work: TraceWork,
): Promise<void> {
  const { random, baseMs } = input;
  const entries = await inTransaction(gitlab.pool, async (client) => {
    const builds = await insertRunningBuilds(client, input);
    const fourth = (nth: number): TraceBuild[] => builds.filter((_, place) => place % 4 === nth);
    const [archived, toArchive, toErase] = [fourth(0), fourth(1), fourth(2)];
    work.toArchive.push(...toArchive);
    work.toErase.push(...toErase);
    const plans = [...toArchive, ...toErase, ...fourth(3)].map((build, index): TracePlan => {
      const plan = planTrace(build, index, random);
      return { ...plan, sizeBytes: Math.min(plan.sizeBytes, othersBytesMax), counted: false };
    });
    const live: LedgerEntry[] = await storeLiveTraces(gitlab, client, plans);
    live.push(...(await finish(client, toErase, { random, baseMs })));
    await finish(client, archived, { random, baseMs });
    return [...live, ...(await storeTraces(gitlab, client, archived, { random, baseMs }))];
  });
  gitlab.ledger.append(entries);
}
