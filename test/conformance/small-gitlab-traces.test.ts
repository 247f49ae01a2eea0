/** A trace written in any of GitLab's ways is read back whole, and every missing byte is reported. */
import { chunkObjectKey, chunkRedisKey, chunkStore } from '../../lib/gitlab/trace-chunks';
import { deleteBuild, eraseBuild } from '../../ops/gitlab/changes';
import { archiveAsGitlab } from '../../ops/gitlab/traces/gitlab-archiver';
import { checkTrace, readTrace, watchTraces } from '../../ops/gitlab/traces/live-reader';
import {
  appendTrace,
  flushChunk,
  liveBytes,
  type TraceBuild,
} from '../../ops/gitlab/traces/live-trace';
import { traceBytes } from '../../ops/gitlab/traces/trace-bytes';
import * as damage from '../../ops/gitlab/traces/trace-damage';
import { finishBuild } from '../../ops/gitlab/traces/trace-life';
import { chunkRows } from '../../ops/gitlab/traces/trace-stores';
import { TraceWorld, type StoreChoice } from '../../ops/gitlab/traces/trace-world';
import { reportStates } from '../../ops/gitlab/traces/traces';
import { verify } from '../../ops/gitlab/verify';
import { World } from '../../ops/gitlab/world';
import { createOwnGitlab, type OwnGitlab } from '../support/scenario/own-gitlab';

const chunk = 131_072;
let gitlab: OwnGitlab;
let traces: TraceWorld;

beforeAll(async () => {
  gitlab = await createOwnGitlab(`small-gitlab-traces-${process.pid}`);
  traces = new TraceWorld(new World(gitlab));
}, 60_000);
afterAll(() => gitlab.drop());

async function breaks(wanted: 'may-wait' | 'archived' = 'may-wait'): Promise<string[]> {
  const found = await verify(gitlab, { traces: wanted });
  return found.breaks.map(({ invariant, what, count }) => `${invariant} ${what}: ${count}`);
}

async function violation({ id }: TraceBuild) {
  const known = (await gitlab.ledger.read()).traces.get(id);
  return checkTrace(gitlab, known!);
}

async function storesOf({ id }: TraceBuild): Promise<number[]> {
  return (await chunkRows(gitlab, id)).map(({ store }) => store);
}

test('a trace of any size is read back from any store', async () => {
  const choices: StoreChoice[] = ['redis', 'shared-redis', 'database', 'fog', 'mixed'];
  for (const stores of choices) {
    for (const sizeBytes of [0, 1, chunk, chunk + 1, 4 * chunk + 7]) {
      const build = await traces.aFinishedTrace({ sizeBytes, stores, pendingState: 'right' });
      const read = await readTrace(gitlab, build.id);
      expect(read.from).toBe('chunks');
      expect(read.bytes.equals(traceBytes(build.id, 0, sizeBytes))).toBe(true);
    }
  }
  const mixed = await traces.aFinishedTrace({ sizeBytes: 4 * chunk, stores: 'mixed' });
  expect(await storesOf(mixed)).toEqual([1, 3, 2, 4]);
  expect(await breaks()).toEqual([]);
});

test('a build that writes, is flushed, ends and writes late can be read at every step', async () => {
  const build = await traces.aRunningTrace({ sizeBytes: 100 });
  const whole = () => expect(violation(build)).resolves.toBeUndefined();
  expect(await appendTrace(gitlab, build, 2 * chunk)).toEqual({
    accepted: true,
    toByte: 2 * chunk + 100,
  });
  await whole();
  const { database, fog } = chunkStore;
  expect(await flushChunk(gitlab, build, 0, { to: database })).toBe('flushed');
  expect(await flushChunk(gitlab, build, 1, { to: fog })).toBe('flushed');
  expect(await flushChunk(gitlab, build, 2, { to: fog })).toBe('not final');
  expect(await storesOf(build)).toEqual([2, 3, 4]);
  expect(await gitlab.redis.exists(chunkRedisKey(build.id, 0), chunkRedisKey(build.id, 1))).toBe(0);
  await whole();
  await reportStates(gitlab.pool, [{ build, sizeBytes: await liveBytes(gitlab, build.id) }]);
  expect(await flushChunk(gitlab, build, 2, { to: fog })).toBe('flushed');
  await finishBuild(gitlab, build);
  expect(await appendTrace(gitlab, build, 500)).toMatchObject({ accepted: true });
  expect((await gitlab.objects.read(`tmp/builds/${build.id}/chunks/2.log`))?.length).toBe(600);
  await whole();
  expect((await readTrace(gitlab, build.id)).bytes).toHaveLength(2 * chunk + 600);
});

test('a chunk in Redis lives for a week, and an append makes the week begin again', async () => {
  const build = await traces.aRunningTrace({ sizeBytes: 10, stores: 'shared-redis' });
  await gitlab.redis.expire(chunkRedisKey(build.id, 0), 60);
  await appendTrace(gitlab, build, 10);
  expect(await gitlab.redis.ttl(chunkRedisKey(build.id, 0))).toBeGreaterThan(600_000);
  const [row] = await chunkRows(gitlab, build.id);
  expect(row).toMatchObject({ lockVersion: 0 }); // the row does not list it
});

test("GitLab's own archiver leaves nothing behind, also when its first upload fails", async () => {
  const plain = await traces.aFinishedTrace({ sizeBytes: 3 * chunk, stores: 'mixed' });
  const failing = await traces.aFinishedTrace({ sizeBytes: 300, pendingState: 'right' });
  expect(await archiveAsGitlab(gitlab, plain)).toBe('archived');
  expect(await archiveAsGitlab(gitlab, failing, { uploadFails: true })).toBe('failed');
  expect(await breaks()).toEqual(['I3 trace rows point at missing objects: 1']);
  expect(await violation(failing)).toBeUndefined();
  expect(await archiveAsGitlab(gitlab, failing)).toBe('archived');
  expect(await archiveAsGitlab(gitlab, failing)).toBe('already archived');
  expect(await breaks()).toEqual([]);
  expect((await readTrace(gitlab, plain.id)).from).toBe('archive');
  const refused = await appendTrace(gitlab, plain, 1);
  expect(refused).toEqual({ accepted: false, reason: 'archived' });
});

test('append and archive keep off while the lease is held', async () => {
  const build = await traces.aFinishedTrace();
  const lease = `gitlab:exclusive_lease:trace:write:lock:${build.id}`;
  await gitlab.redis.set(lease, 'somebody', 'EX', 600);
  expect(await appendTrace(gitlab, build, 1)).toEqual({ accepted: false, reason: 'lease' });
  expect(await archiveAsGitlab(gitlab, build)).toBe('lease taken');
  expect(await gitlab.redis.get(lease)).toBe('somebody');
  await gitlab.redis.del(lease);
  expect(await archiveAsGitlab(gitlab, build)).toBe('archived');
  expect(await gitlab.redis.exists(lease)).toBe(0);
});

test('a flush that the archive overtakes is stale, and its leftover is excused', async () => {
  const build = await traces.aFinishedTrace({ pendingState: 'right' });
  const flushed = await flushChunk(gitlab, build, 0, {
    to: chunkStore.fog,
    between: async (step) => {
      if (step === 'stored') await archiveAsGitlab(gitlab, build);
    },
  });
  expect(flushed).toBe('stale');
  expect(await gitlab.objects.exists(chunkObjectKey(build.id, 0))).toBe(true);
  expect(await breaks()).toEqual([]);
});

test('erased and deleted builds leave nothing', async () => {
  const builds = await Promise.all([
    traces.aFinishedTrace({ sizeBytes: 4 * chunk, stores: 'mixed' }),
    traces.aFinishedTrace({ sizeBytes: 4 * chunk, stores: 'mixed' }),
  ]);
  const archived = await traces.aFinishedTrace();
  await archiveAsGitlab(gitlab, archived);
  await eraseBuild(gitlab, builds[0]);
  await deleteBuild(gitlab, builds[1]);
  await eraseBuild(gitlab, archived);
  for (const { id } of [...builds, archived]) {
    expect((await readTrace(gitlab, id)).from).toBe('nowhere');
  }
  expect(await breaks()).toEqual([]);
});

test('late bytes that wait beside the archive count as readable', async () => {
  const build = await traces.aFinishedTrace({ sizeBytes: chunk });
  await archiveAsGitlab(gitlab, build);
  await appendTrace(gitlab, build, 50, { stalled: { atByte: chunk } });
  expect(await violation(build)).toBeUndefined();
  expect(await breaks()).toEqual(['I4 archived builds still have chunk rows: 1']);
  await gitlab.redis.del(chunkRedisKey(build.id, 1));
  expect(await violation(build)).toMatchObject({ from: 'archive', atByte: chunk });
  await damage.loseChunkRow(gitlab, build, 1);
  gitlab.ledger.append([{ kind: 'lost', buildId: build.id, fromByte: chunk, toByte: chunk + 50 }]);
});

describe('a damage that the ledger knows is no break, and one that it does not know is', () => {
  const cases: [string, (build: TraceBuild) => Promise<void>][] = [
    ['lost data in the middle', (build) => damage.loseChunkData(gitlab, build, 1)],
    ['lost data at the end', (build) => damage.loseChunkData(gitlab, build, 3)],
    ['a lost row', (build) => damage.loseChunkRow(gitlab, build, 3)],
    ['a wrong store', (build) => damage.misplaceChunk(gitlab, build, 1, 4)],
    ['a short chunk', (build) => damage.resizeChunk(gitlab, build, 1, 1_000)],
    ['a long chunk', (build) => damage.resizeChunk(gitlab, build, 1, chunk + 1)],
    ['other bytes', (build) => damage.corruptChunk(gitlab, build, 2)],
    ['a wrong archive', (build) => damage.archiveWrongly(gitlab, build)],
  ];
  test.each(cases)('%s', async (_name, harm) => {
    const build = await traces.aFinishedTrace({ sizeBytes: 3 * chunk + 9, stores: 'mixed' });
    const [known] = [(await gitlab.ledger.read()).traces.get(build.id)!];
    await harm(build);
    expect(await violation(build)).toBeUndefined();
    const unaware = { ...known, lost: [] };
    expect(await checkTrace(gitlab, unaware)).toMatchObject({ buildId: build.id });
    damage.mayStay(gitlab, build, 'a test');
    expect(await breaks()).toEqual([]);
  });

  test('a wrong sum of a chunk or a runner, and a half archive of GitLab', async () => {
    const build = await traces.aFinishedTrace({ stores: 'fog', pendingState: 'wrong sum' });
    await damage.missumChunk(gitlab, build, 0);
    const uploaded = await traces.aFinishedTrace({ stores: 'fog' });
    await damage.halfArchiveAsGitlab(gitlab, uploaded, 'upload');
    expect((await readTrace(gitlab, uploaded.id)).from).toBe('archive');
    expect(await breaks()).toEqual(['I4 archived builds still have chunk rows: 1']);
    expect(await archiveAsGitlab(gitlab, uploaded)).toBe('already archived');
    expect(await breaks()).toEqual([]);
  });
});

test('two thousand stale builds wait, and count as archived one by one', async () => {
  const stale = { finishedAgoMs: 13 * 3_600_000, sizeBytes: 16_384, stores: 'redis' } as const;
  const builds = await traces.manyTraces({ ...stale, count: 2_000 });
  const waiting = await verify(gitlab, { traces: 'archived' });
  expect(waiting.waiting).toBeGreaterThanOrEqual(2_000);
  expect(waiting.breaks.map(({ what }) => what)).toEqual([
    'finished builds still have their chunks',
  ]);
  const watch = watchTraces(gitlab, { everyMs: 5 });
  for (const build of builds.slice(0, 100)) await archiveAsGitlab(gitlab, build);
  const watched = await watch.stop();
  expect(watched).toMatchObject({ violations: [], unanswered: 0 });
  expect(watched.reads).toBeGreaterThan(10);
  const after = await verify(gitlab);
  expect(after.waiting).toBe(waiting.waiting - 100);
  expect(after.archived).toBe(waiting.archived + 100);
  expect(after.breaks).toEqual([]);
}, 90_000);
