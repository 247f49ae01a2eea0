import fc from 'fast-check';
import { chunkBytes } from '../../../lib/gitlab/trace-chunks';
import { traceKey, unmarkedTraceKey } from '../../../lib/gitlab/trace-key';
import type { BuildTrace, TraceArtifact } from '../../../lib/gitlab/trace-rows';
import { batchesOf, choose, crowdedStores, hasEnded, type Need, type SeenChunk } from './choose';

const hourMs = 3_600_000;
const crowded: Need = { crowded: new Set([1, 4]), ttlMs: 48 * hourMs, includesRunning: true };
const roomy: Need = { ...crowded, crowded: new Set() };

interface Wish {
  readonly buildId?: number;
  readonly index?: number;
  /** Of the last chunk of the build. */
  readonly lastIndex?: number;
  readonly store?: number;
  readonly sizeBytes?: number;
  readonly endsInMs?: number | null;
  readonly trace?: Partial<BuildTrace>;
}

function seenOf(wish: Wish): SeenChunk {
  const { buildId = 1, index = 0, store = 4, sizeBytes = 500, endsInMs = 100 * hourMs } = wish;
  const { lastIndex = index } = wish;
  const rowOf = (at: number) => ({
    ...{ id: buildId * 1_000 + at, index: at, store },
    ...{ lockVersion: 0, checksum: null },
  });
  const trace: BuildTrace = {
    ...{ buildId, projectId: 1, type: 'Ci::Build', status: 'success', isErased: false },
    chunks: Array.from({ length: lastIndex + 1 }, (_, at) => rowOf(at)),
    ...{ pending: null, artifact: null, ...wish.trace },
  };
  return { partitionId: 100, trace, row: rowOf(index), key: { sizeBytes, endsInMs } };
}

const kindsOf = (wish: Wish, need: Need): string[] =>
  choose([seenOf(wish)], need).map(({ kind }) => kind);

const running = { status: 'running' };
const pending = { checksum: 'crc32:0', sizeBytes: 1 };
const build = { partitionId: 100, buildId: 1, projectId: 1 };
const ours = (sizeBytes: number, keyOf = traceKey): Partial<BuildTrace> => ({
  artifact: { sizeBytes, fileFinalPath: keyOf(build) } as TraceArtifact,
});

test.each<[string, Wish, string[]]>([
  ['of a finished build', {}, ['move']],
  ['of a finished build in the shared state', { store: 1 }, ['move']],
  [
    'that is full, of a build that runs',
    { sizeBytes: chunkBytes, lastIndex: 1, trace: running },
    ['move'],
  ],
  ['that is still written', { trace: running }, []],
  ['that is the last, of a runner that is done', { trace: { ...running, pending } }, ['move']],
  ['that is short, before the last', { lastIndex: 1, trace: { ...running, pending } }, []],
  ['of an erased build', { trace: { isErased: true } }, []],
  ['of a bridge', { trace: { type: 'Ci::Bridge' } }, []],
  ['before the first', { index: -1, lastIndex: 0 }, []],
  ['that is too long to be one', { sizeBytes: chunkBytes + 1 }, []],
  ['that is not there', { sizeBytes: 0, endsInMs: null }, []],
  ['that is empty', { sizeBytes: 0 }, []],
  ['in the bucket', { store: 3 }, []],
  ['in the database', { store: 2, sizeBytes: 0, endsInMs: null }, []],
  ['in the database and in Redis', { store: 2 }, ['settle']],
  ['that our object has', { trace: ours(500) }, []],
  ['that our object of an earlier version has', { trace: ours(500, unmarkedTraceKey) }, []],
  ['that has grown beyond our object', { trace: ours(499) }, ['move']],
])('in a crowded Redis a chunk %s', (_name, wish, kinds) => {
  expect(kindsOf(wish, crowded)).toEqual(kinds);
});

test.each<[string, Wish, string[]]>([
  ['ends later', {}, []],
  ['ends soon', { endsInMs: 47 * hourMs }, ['move']],
  ['ends soon and is still written', { endsInMs: hourMs, trace: running }, ['move']],
  ['ends soon and is empty', { endsInMs: hourMs, sizeBytes: 0 }, ['move']],
  ['ends soon, and our object has it', { endsInMs: hourMs, trace: ours(500) }, []],
  ['never ends', { endsInMs: null }, []],
])('where there is room, a chunk whose data %s', (_name, wish, kinds) => {
  expect(kindsOf(wish, roomy)).toEqual(kinds);
});

test('builds that run are left alone as long as finished ones may make room', () => {
  const full = { sizeBytes: chunkBytes, trace: running };
  expect(kindsOf(full, { ...crowded, includesRunning: false })).toEqual([]);
});

test('a chunk of a store that has room stays', () => {
  expect(kindsOf({ store: 1 }, { ...crowded, crowded: new Set([4]) })).toEqual([]);
});

const wishes = fc.array(
  fc.record({
    buildId: fc.integer({ min: 1, max: 9 }),
    index: fc.integer({ min: 0, max: 3 }),
    store: fc.constantFrom(1, 2, 3, 4),
    sizeBytes: fc.constantFrom(0, 500, chunkBytes),
    endsInMs: fc.option(fc.integer({ min: 1, max: 200 * hourMs })),
    trace: fc.constantFrom({}, running),
  }),
);

test('finished builds go first, and of each kind what Redis would drop first', () => {
  fc.assert(
    fc.property(wishes, (all) => {
      const chosen = choose(all.map(seenOf), crowded);
      const ranks = chosen.map(({ trace }) => (hasEnded(trace) ? 0 : 1));
      expect(ranks).toEqual(ranks.toSorted());
      for (const ended of [true, false]) {
        const own = chosen.filter(({ trace }) => hasEnded(trace) === ended);
        const ends = own.map(({ key }) => key.endsInMs ?? Infinity);
        expect(ends).toEqual(ends.toSorted((a, b) => a - b));
      }
    }),
  );
});

test('batches hold every chunk once, in order, within their bytes or as one chunk alone', () => {
  fc.assert(
    fc.property(wishes, fc.integer({ min: 1, max: 400_000 }), (all, batchBytes) => {
      const chosen = choose(all.map(seenOf), crowded);
      const batches = [...batchesOf(chosen, () => batchBytes)];
      expect(batches.flat()).toEqual(chosen);
      for (const batch of batches) {
        const bytes = batch.reduce((sum, { key }) => sum + key.sizeBytes, 0);
        expect(batch.length === 1 || bytes <= batchBytes).toBe(true);
      }
    }),
  );
});

test('a server is crowded above its share of the limit, and never without one', () => {
  const server = (usedBytes: number, maxBytes: number | null, store: number) => ({
    stores: [store],
    memory: { usedBytes, maxBytes },
  });
  const servers = [server(71, 100, 4), server(70, 100, 1), server(1e12, null, 7)];
  expect([...crowdedStores(servers, 70)]).toEqual([4]);
  expect([...crowdedStores([{ stores: [1], memory: null }], 70)]).toEqual([]);
});
