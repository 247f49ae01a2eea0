import type { Claim, ClaimQuestion } from '../stores/postgres/artifact-claims';
import { checkStores, type CheckPorts } from './check';
import { compareKeys } from './merge';

const hash = `6b/86/6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b`;
const hashed = (id: number) => `${hash}/2026_01_09/7/${id}/a.zip`;
const legacy = '2026_01/1/7/a.zip';
const final = `${hash}/@final/ab/cd/${'e'.repeat(60)}`;
const foreign = `${hash}/pipelines/3/artifacts/9/coverage.json`;

const row = (id: number, key = hashed(id), isDue = false): Claim => ({
  id,
  key,
  partitionId: 100,
  isDue,
});

/** Stores that change while the check sleeps, as a live pipeline changes them. */
function stores(rows: Claim[], keys: string[], meanwhile: () => void = () => undefined) {
  const state = {
    rows: [...rows],
    keys: new Set(keys),
    pending: new Set<string>(),
    deletedByGitlab: new Set<string>(),
    sleeps: 0,
  };
  // eslint-disable-next-line @typescript-eslint/require-await -- streams elsewhere
  async function* sorted<T extends { key: string }>(all: readonly T[]) {
    yield* all.toSorted((a, b) => compareKeys(a.key, b.key));
  }
  const matches = ({ id, key }: Claim, asked: ClaimQuestion) =>
    asked.ids.includes(id) ||
    asked.finalPaths.includes(key) ||
    (key === legacy && asked.legacyJobIds.includes(7));
  const ports: CheckPorts = {
    claims: {
      all: () => sorted(rows),
      of: (asked) => Promise.resolve(state.rows.filter((one) => matches(one, asked))),
      odd: () => Promise.resolve([]),
      deletedByGitlab: (asked) =>
        Promise.resolve(asked.filter((key) => state.deletedByGitlab.has(key))),
    },
    objects: {
      listObjects: () => sorted(keys.map((key) => ({ key }))),
      headObject: (key) => Promise.resolve(state.keys.has(key) ? {} : null),
    },
    uploads: { pending: (asked) => Promise.resolve(asked.filter((key) => state.pending.has(key))) },
    clock: {
      nowMs: () => 0,
      sleep: () => {
        state.sleeps += 1;
        meanwhile();
        return Promise.resolve();
      },
      every: () => () => undefined,
    },
  };
  const check = (suspectsMax = 100) =>
    checkStores(ports, {
      suspectsMax,
      pauseMs: 1,
      signal: new AbortController().signal,
      onProgress: () => undefined,
    });
  return { state, check };
}

test('stores that agree have no break, and what waits is counted', async () => {
  const all = [row(1), row(2, hashed(2), true), row(3, legacy), row(4, final)];
  const { check, state } = stores(all, [...all.map(({ key }) => key), foreign]);
  expect(await check()).toEqual({
    rows: 4,
    objects: 5,
    foreignObjects: 1,
    dueRows: 1,
    breaks: [],
    setAside: [],
    unverified: 0,
  });
  expect(state.sleeps).toBe(0);
});

test('a row without object and objects without row, of every shape, are named', async () => {
  const { check } = stores([row(1)], [hashed(2), legacy, final, foreign]);
  const { breaks } = await check();
  expect(breaks).toEqual(
    expect.arrayContaining([
      { invariant: 'I3', id: 1, partitionId: 100, key: hashed(1) },
      ...[hashed(2), legacy, final].map((key) => ({ invariant: 'I4', key })),
    ]),
  );
  expect(breaks).toHaveLength(4);
});

test('two rows that share a legacy object agree with it', async () => {
  const { check } = stores([row(1, legacy), row(2, legacy)], [legacy]);
  expect(await check()).toMatchObject({ rows: 2, objects: 1, breaks: [] });
});

test('an upload in progress, and an object that GitLab will remove, are claimed', async () => {
  const { check, state } = stores([], [final, hashed(2)]);
  state.pending.add(final);
  state.deletedByGitlab.add(hashed(2));
  expect((await check()).breaks).toEqual([]);
});

test('what the pipeline or GitLab finishes meanwhile is no break', async () => {
  const ground = stores([row(1), row(3)], [hashed(2), final], () => {
    ground.state.rows = [row(3), row(4, final)]; // 1 was deleted, 4 came with its upload
    ground.state.keys.delete(hashed(2)); // its row had gone just before
    ground.state.keys.add(hashed(3)); // stored after its row was committed
  });
  expect((await ground.check()).breaks).toEqual([]);
  expect(ground.state.sleeps).toBe(1);
});

test('suspicions beyond the limit are counted and keep the result from being whole', async () => {
  const { check } = stores([row(1), row(2), row(3)], []);
  expect(await check(2)).toMatchObject({ unverified: 1, breaks: [{ id: 1 }, { id: 2 }] });
});
