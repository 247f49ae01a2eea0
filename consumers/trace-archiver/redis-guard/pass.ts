/** One pass over the builds of this instance: chooses the chunks to move, and moves them in batches. */
import { chunkRedisKey, chunkStore } from '../../../lib/gitlab/trace-chunks';
import type { ChunkRow } from '../../../lib/gitlab/trace-rows';
import type { LiveChunks } from '../ports';
import {
  batchesOf,
  type Choice,
  choose,
  hasEnded,
  type Need,
  type SeenChunk,
  type SeenKey,
} from './choose';
import type { Cursor } from './ports';
import { spill } from './spill';
import type { GuardDependencies } from './dependencies';

export type IsOurs = (partitionId: number, buildId: number) => boolean;

export interface PassOrders {
  readonly isDryRun: boolean;
  /** The present choice; computed again before each batch. */
  need(includesRunning: boolean, passed: Passed): Need;
  /** Data that ends soon is searched in all builds, with any amount of room. */
  readonly looksAtAll: boolean;
  /** Called for each page. @returns whether a build's records lie on a partition that this instance holds now. */
  ours(): IsOurs;
  /** False ends the pass: the flag was unset, or the process stops. */
  mayGoOn(): boolean;
  /** Bytes of the next batch. */
  batchBytes(passed: Passed): number;
  /** Lets the database rest after a batch; null when the batch did not use it. */
  rest(elapsedMs: number | null): Promise<void>;
  /** Lets it rest after a page, for as long as that took. */
  breathe(elapsedMs: number): Promise<void>;
}

export interface Passed {
  chunks: number;
  bytes: number;
  /** In a dry run: how much would have left each store. */
  readonly bytesOf: Map<number, number>;
  settled: number;
}

const pageBuilds = 500;
/** A trace may have hundreds of chunks. */
const lookBuilds = 50;

/** Finished builds first, all of them; only then running ones. */
export async function pass(dependencies: GuardDependencies, orders: PassOrders): Promise<Passed> {
  const passed: Passed = { chunks: 0, bytes: 0, bytesOf: new Map(), settled: 0 };
  for (const includesRunning of [false, true]) {
    const isWanted = (): boolean =>
      orders.mayGoOn() &&
      (orders.need(includesRunning, passed).crowded.size > 0 ||
        (orders.looksAtAll && !includesRunning));
    if (isWanted()) await walk(dependencies, orders, includesRunning, isWanted, passed);
  }
  return passed;
}

async function walk(
  dependencies: GuardDependencies,
  orders: PassOrders,
  includesRunning: boolean,
  isWanted: () => boolean,
  passed: Passed,
): Promise<void> {
  let cursor: Cursor | null = { partitionId: 0, afterBuildId: 0 };
  while (cursor !== null && isWanted()) {
    const beganMs = dependencies.clock.nowMs();
    const page = await dependencies.moves.readPage(cursor, pageBuilds);
    await orders.breathe(dependencies.clock.nowMs() - beganMs);
    const { partitionId } = cursor;
    const isOurs = orders.ours();
    const ours = page.buildIds.filter((buildId) => isOurs(partitionId, buildId));
    for (let at = 0; at < ours.length && isWanted(); at += lookBuilds) {
      const seen = await look(dependencies, partitionId, ours.slice(at, at + lookBuilds));
      const choices = choose(seen, orders.need(includesRunning, passed));
      await go(dependencies, orders, includesRunning, choices, passed);
    }
    cursor = page.next;
  }
}

async function go(
  dependencies: GuardDependencies,
  orders: PassOrders,
  includesRunning: boolean,
  choices: readonly Choice[],
  passed: Passed,
): Promise<void> {
  for (const batch of batchesOf(choices, () => orders.batchBytes(passed))) {
    if (!orders.mayGoOn()) return;
    // The moved chunks may have made enough room.
    const wanted = choose(batch, orders.need(includesRunning, passed));
    if (wanted.length === 0) continue;
    if (orders.isDryRun) {
      // In the second round the finished ones still exist, and were counted.
      const fresh = wanted.filter(({ trace }) => !includesRunning || !hasEnded(trace));
      for (const choice of fresh) count(passed, choice);
      continue;
    }
    const spilled = await spill(dependencies, wanted);
    passed.chunks += spilled.chunks;
    passed.bytes += spilled.bytes;
    passed.settled += spilled.settled;
    await orders.rest(spilled.elapsedMs);
  }
}

function count(passed: Passed, { kind, row: { store }, key: { sizeBytes } }: Choice): void {
  if (kind === 'settle') passed.settled += 1;
  else {
    passed.chunks += 1;
    passed.bytes += sizeBytes;
    passed.bytesOf.set(store, (passed.bytesOf.get(store) ?? 0) + sizeBytes);
  }
}

/** Rows, then lengths and times to live of their keys: two round trips to each Redis. */
async function look(
  dependencies: GuardDependencies,
  partitionId: number,
  buildIds: readonly number[],
): Promise<SeenChunk[]> {
  const traces = await dependencies.rows.read(partitionId, buildIds);
  const wanted = traces.flatMap((trace) => trace.chunks.map((row) => ({ trace, row })));
  const inside = wanted.filter(({ row }) => row.store !== chunkStore.fog);
  const { sharedState, traceChunks } = dependencies.chunks;
  const keys = inside.map(({ trace, row }) => chunkRedisKey(trace.buildId, row.index));
  const shared = await keysOf(sharedState, keys);
  const own = await keysOf(traceChunks, keys);
  return inside.map(({ trace, row }, at) => {
    const key = keyFor(row, shared[at] ?? nothing, own[at] ?? nothing);
    return { partitionId, trace, row, key };
  });
}

const nothing: SeenKey = { sizeBytes: 0, endsInMs: null };

function keyFor({ store }: ChunkRow, shared: SeenKey, own: SeenKey): SeenKey {
  if (store === chunkStore.redis) return shared;
  if (store === chunkStore.redisTraceChunks) return own;
  return own.sizeBytes > 0 || own.endsInMs !== null ? own : shared;
}

async function keysOf(live: LiveChunks, keys: readonly string[]): Promise<SeenKey[]> {
  const lengths = await live.lengths(keys);
  const lifetimes = await live.lifetimes(keys);
  return keys.map((_, at) => ({
    sizeBytes: Math.max(0, lengths[at] ?? 0),
    endsInMs: lifetimes[at] ?? null,
  }));
}
