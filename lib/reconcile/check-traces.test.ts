import { chunkBytes, chunkObjectKey, chunkRedisKey } from '../gitlab/trace-chunks';
import type { ChunkClaim } from '../stores/postgres/trace-claims';
import { checkTraces } from './check-traces';

const chunk = (buildId: number, index: number, store: number, archivedBytes = 0): ChunkClaim => ({
  buildId,
  partitionId: 100,
  index,
  store,
  archivedBytes,
  isOver: false,
});

function stores(claims: ChunkClaim[], keys: string[], meanwhile: () => void = () => undefined) {
  const state = {
    claims: [...claims],
    keys: new Set(keys),
    /** Builds without a row. */
    gone: new Set<number>(),
    ends: new Map<string, number>(),
  };
  // eslint-disable-next-line @typescript-eslint/require-await -- streams elsewhere
  async function* stream<T>(all: readonly T[]) {
    yield* all;
  }
  const check = () =>
    checkTraces(
      {
        rows: {
          all: () => stream([...state.claims]),
          of: (asked) =>
            Promise.resolve(
              state.claims.filter(({ buildId, index }) =>
                asked.some((one) => one.buildId === buildId && one.index === index),
              ),
            ),
          existing: (ids) => Promise.resolve(new Set(ids.filter((id) => !state.gone.has(id)))),
        },
        live: [
          {
            lifetimes: (asked) => Promise.resolve(asked.map((key) => state.ends.get(key) ?? null)),
            exist: (asked) => Promise.resolve(asked.map((key) => state.keys.has(key))),
            keys: () => stream([[...state.keys].filter((key) => key.startsWith('gitlab:'))]),
          },
        ],
        objects: { headObject: (key) => Promise.resolve(state.keys.has(key) ? {} : null) },
        clock: {
          nowMs: () => 0,
          sleep: () => {
            meanwhile();
            return Promise.resolve();
          },
          every: () => () => undefined,
        },
      },
      { pauseMs: 1, signal: new AbortController().signal },
    );
  return { state, check };
}

test('chunks of every store that have their data, and data that has its row, agree', async () => {
  const claims = [chunk(1, 0, 1), chunk(1, 1, 4), chunk(2, 0, 3), chunk(3, 0, 2)];
  const keys = [chunkRedisKey(1, 0), chunkRedisKey(1, 1), chunkObjectKey(2, 0)];
  expect(await stores(claims, keys).check()).toEqual({
    chunkRows: 4,
    chunkKeys: 2,
    breaks: [],
    leftovers: [],
  });
});

test('a row whose data is nowhere, and data without a row, are named', async () => {
  const { breaks } = await stores([chunk(1, 0, 4), chunk(2, 3, 3)], [chunkRedisKey(9, 1)]).check();
  expect(breaks).toEqual(
    expect.arrayContaining([
      { invariant: 'I1', buildId: 1, index: 0 },
      { invariant: 'I1', buildId: 2, index: 3 },
      { invariant: 'I4', buildId: 9, index: 1 },
    ]),
  );
  expect(breaks).toHaveLength(3);
});

test('data that the archived object has may be gone, but none beyond it', async () => {
  const archivedBytes = chunkBytes + 5;
  const claims = [0, 1, 2].map((index) => chunk(1, index, 4, archivedBytes));
  const { breaks } = await stores(claims, []).check();
  expect(breaks).toEqual([{ invariant: 'I1', buildId: 1, index: 2 }]);
});

test('what is archived or written meanwhile is no break', async () => {
  const ground = stores([chunk(1, 0, 4)], [chunkRedisKey(2, 0)], () => {
    ground.state.claims = [chunk(2, 0, 4)]; // 1 was archived; 2's row came after its data
  });
  expect((await ground.check()).breaks).toEqual([]);
});

test('a row without data of a build that was erased or skipped is left over, and no lost byte', async () => {
  const erased = { ...chunk(1, 0, 4), isOver: true };
  const { breaks, leftovers } = await stores([erased, chunk(2, 0, 4)], []).check();
  expect(breaks).toEqual([{ invariant: 'I1', buildId: 2, index: 0 }]);
  expect(leftovers).toEqual([{ kind: 'row', buildId: 1, index: 0 }]);
});

test('data of a build that is gone is left over until Redis drops it; without an end it is a break', async () => {
  const ground = stores([], [chunkRedisKey(1, 0), chunkRedisKey(2, 0), chunkRedisKey(3, 0)]);
  ground.state.gone = new Set([1, 2]);
  ground.state.ends = new Map([
    [chunkRedisKey(1, 0), 3_600_000],
    [chunkRedisKey(3, 0), 3_600_000],
  ]);
  const { breaks, leftovers } = await ground.check();
  expect(leftovers).toEqual([{ kind: 'data', buildId: 1, index: 0, endsInMs: 3_600_000 }]);
  expect(breaks.map(({ buildId }) => buildId)).toEqual([2, 3]);
});
