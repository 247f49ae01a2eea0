/**
 * Moves a batch of chunks from Redis into their rows, in the only order that is safe at every crash:
 *
 * leases → rows read again → data → rows committed, while the leases last → keys, each only if it still is what was
 * copied → leases.
 *
 * After a crash before the commit nothing has changed. After a crash behind it, both the row and Redis have the data:
 * all readers read the row, and the next pass settles the key (`settle.ts`), or the archiver does.
 */
import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { assertMayBegin } from '../../../lib/runtime/membership-guard';
import { chunkBytes, chunkRedisKey, chunkStore } from '../../../lib/gitlab/trace-chunks';
import type { LiveChunks } from '../ports';
import type { Choice } from './choose';
import { GuardLeases } from './guard-leases';
import { settle } from './settle';
import type { GuardDependencies } from './dependencies';

interface Spilled {
  readonly chunks: number;
  readonly bytes: number;
  /** Keys that a crash or a stalled writer had left beside their row. */
  readonly settled: number;
  /** How long the database took; null when it was not used. */
  readonly elapsedMs: number | null;
}

interface Loaded {
  readonly choice: Choice;
  readonly bytes: Buffer;
}

/** @throws errors of the stores; nothing is lost. */
export function spill(dependencies: GuardDependencies, batch: readonly Choice[]): Promise<Spilled> {
  const bytes = batch.reduce((sum, { key }) => sum + key.sizeBytes, 0);
  // The data that was read, and the statement that carries it.
  return dependencies.budget.hold(3 * bytes, () => underLeases(dependencies, batch));
}

async function underLeases(
  dependencies: GuardDependencies,
  batch: readonly Choice[],
): Promise<Spilled> {
  await dependencies.brake.assertReleased();
  assertMayBegin(dependencies.mayBegin);
  const leases = await GuardLeases.take(dependencies, batch);
  try {
    dependencies.reach('guard.leases-taken');
    const held = await readAgain(
      dependencies,
      batch.filter((choice) => leases.has(choice)),
    );
    const mayCommit = () => leases.areStillOurs();
    const left = held.filter(({ kind }) => kind === 'settle');
    const settled = await settle(dependencies, left, mayCommit);
    const moved = await move(dependencies, held, mayCommit);
    return { ...moved, settled: settled + moved.settled };
  } finally {
    await leases.release();
  }
}

/** Under the leases only GitLab's own repairs change a row: a changed one is left out. */
async function readAgain({ rows }: GuardDependencies, batch: readonly Choice[]): Promise<Choice[]> {
  const found: Choice[] = [];
  for (const [partitionId, own] of Map.groupBy(batch, (choice) => choice.partitionId)) {
    const ids = [...new Set(own.map(({ trace }) => trace.buildId))];
    const traces = new Map((await rows.read(partitionId, ids)).map((one) => [one.buildId, one]));
    for (const choice of own) {
      const trace = traces.get(choice.trace.buildId);
      const row = trace?.chunks.find(({ id }) => id === choice.row.id);
      if (!trace || trace.isErased || row?.store !== choice.row.store) continue;
      found.push({ ...choice, trace, row });
    }
  }
  return found;
}

async function move(
  dependencies: GuardDependencies,
  held: readonly Choice[],
  mayCommit: () => Promise<boolean>,
): Promise<Spilled> {
  const loaded = await load(
    dependencies,
    held.filter(({ kind }) => kind === 'move'),
  );
  if (loaded.length === 0) return { chunks: 0, bytes: 0, settled: 0, elapsedMs: null };
  assertMayBegin(dependencies.mayBegin);
  const { ids, elapsedMs } = await dependencies.moves.move(
    loaded.map(({ choice: { trace, row }, bytes }) => ({
      ...{ id: row.id, buildId: trace.buildId, index: row.index },
      ...{ store: row.store, lockVersion: row.lockVersion },
      ...{ bytes, crc32: crc32(bytes) },
    })),
    dependencies.leaseMs / 2,
    async () => {
      dependencies.reach('guard.rows-written');
      return (await mayCommit()) && (await haveNotGrown(dependencies, loaded));
    },
  );
  dependencies.reach('guard.rows-committed');
  const moved = loaded.filter(({ choice }) => ids.has(choice.row.id));
  const grown = await removeKeys(dependencies, moved);
  dependencies.reach('guard.keys-removed');
  const bytes = moved.reduce((sum, one) => sum + one.bytes.length, 0);
  dependencies.counts.moved(moved.length, bytes);
  const settled = await settle(dependencies, grown.map(inDatabase), mayCommit);
  return { chunks: moved.length, bytes, settled, elapsedMs };
}

/** The row after the move. */
const inDatabase = ({ choice }: Loaded): Choice => ({
  ...choice,
  kind: 'settle',
  row: {
    ...choice.row,
    store: chunkStore.database,
    lockVersion: choice.row.lockVersion + 1,
  },
});

/** A missing chunk, or data that is no chunk, is left to the archiver. */
async function load(
  dependencies: GuardDependencies,
  choices: readonly Choice[],
): Promise<Loaded[]> {
  const loaded: Loaded[] = [];
  for (const [store, own] of Map.groupBy(choices, ({ row }) => row.store)) {
    const data = await liveOf(dependencies, store).read(own.map(keyOf));
    own.forEach((choice, at) => {
      const bytes = data[at];
      if (bytes && bytes.length <= chunkBytes) loaded.push({ choice, bytes });
    });
  }
  return loaded;
}

/** Only a GitLab process that has lost its own lease can cause this. */
async function haveNotGrown(
  dependencies: GuardDependencies,
  loaded: readonly Loaded[],
): Promise<boolean> {
  for (const [store, own] of Map.groupBy(loaded, ({ choice }) => choice.row.store)) {
    const lengths = await liveOf(dependencies, store).lengths(
      own.map(({ choice }) => keyOf(choice)),
    );
    if (own.some(({ bytes }, at) => lengths[at] !== bytes.length)) return false;
  }
  return true;
}

/** @returns the changed ones, which stay. */
async function removeKeys(
  dependencies: GuardDependencies,
  moved: readonly Loaded[],
): Promise<Loaded[]> {
  const changed: Loaded[] = [];
  for (const [store, own] of Map.groupBy(moved, ({ choice }) => choice.row.store)) {
    const removed = await liveOf(dependencies, store).removeUnchanged(
      own.map(({ choice, bytes }) => ({
        key: keyOf(choice),
        sizeBytes: bytes.length,
        sha1: createHash('sha1').update(bytes).digest('hex'),
      })),
    );
    changed.push(...own.filter((_, at) => removed[at] !== true));
  }
  return changed;
}

const keyOf = ({ trace, row }: Choice): string => chunkRedisKey(trace.buildId, row.index);

const liveOf = ({ chunks }: GuardDependencies, store: number): LiveChunks =>
  store === chunkStore.redis ? chunks.sharedState : chunks.traceChunks;
