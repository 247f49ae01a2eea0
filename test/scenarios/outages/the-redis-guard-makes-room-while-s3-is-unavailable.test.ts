import { chunkBytes, chunkStore } from '../../../lib/gitlab/trace-chunks';
import { appendTrace, type TraceBuild } from '../../../ops/gitlab/traces/live-trace';
import { finishBuild } from '../../../ops/gitlab/traces/trace-life';
import { chunkRows } from '../../../ops/gitlab/traces/trace-stores';
import {
  announce,
  expectArchived,
  type FinishedTrace,
} from '../../support/records/archived-builds';
import { unlimited, usedMemory } from '../../support/stack/own-redis';
import type { Scenario } from '../../support/scenario/scenario';
import { useScenario } from '../../support/scenario/use-scenario';
import { until } from '../../support/until';

const ground = useScenario(__filename, { changes: 'none' });

const mib = 1_048_576;
const sizeBytes = chunkBytes + 20_000;
/** About 5.5 MiB in Redis, which rounds up; twice as much would not fit. */
const wave = 30;
const roomBytes = 9 * mib;
const startBytes = 2 * mib;
const late = 1_000;

async function setFlag(scenario: Scenario, value: string): Promise<void> {
  const why = ['--reason', 'S3 is away', '--author', 'anna', '--yes'];
  await scenario.command(['flags', 'set', 'trace-archiver', 'redis-guard', value, ...why]);
}

async function storesOf({ gitlab }: Scenario, builds: readonly TraceBuild[]): Promise<number[]> {
  const rows = await Promise.all(builds.map(({ id }) => chunkRows(gitlab, id)));
  return rows.flat().map(({ store }) => store);
}

const finished = ({ traces }: Scenario): Promise<TraceBuild[]> =>
  traces.manyTraces({ count: wave, sizeBytes, finishedAgoMs: 0, pendingState: 'none' });

/** As a runner does whose bytes were refused because of a lease. */
async function append({ gitlab }: Scenario, build: TraceBuild): Promise<void> {
  await until('GitLab appends', async () => {
    const appended = await appendTrace(gitlab, build, late);
    return appended.accepted;
  });
}

/** Before the end of the scenario, which closes the connection. */
afterEach(() => unlimited(ground().gitlab.redis));

const live = new Set<number>([chunkStore.redis, chunkStore.redisTraceChunks]);

test('S3 away, and Redis fills: a dry run changes nothing, then chunks move, GitLab reads and appends, all is archived', async () => {
  const scenario = ground();
  const { gitlab, stack } = scenario;
  const before = await usedMemory(gitlab.redis);
  const limit = before + roomBytes;
  const start = Math.ceil((100 * (before + startBytes)) / limit);
  await gitlab.redis.config('SET', 'maxmemory', limit);
  const archiver = scenario.run('trace-archiver', {
    REDIS_GUARD_START_PERCENT: String(start),
    REDIS_GUARD_EVERY_MS: '200',
    REDIS_GUARD_PASS_MS: '2000',
  });
  await archiver.logged('process.started');
  await setFlag(scenario, 'dry-run');
  const running = await scenario.traces.aRunningTrace({ sizeBytes: 2 * chunkBytes + 500 });

  await stack.servers.objectStorage.stop();
  const first = await finished(scenario);
  await announce(scenario, first.map(traceOf));
  await archiver.logged('guard.would-move');
  expect(await storesOf(scenario, first)).not.toContain(chunkStore.database);

  await setFlag(scenario, 'on');
  const hasRoom = async () => (await usedMemory(gitlab.redis)) <= (start * limit) / 100;
  await until('there is room', hasRoom);
  const second = await finished(scenario);
  await until('there is room again', hasRoom);
  const spilled = await storesOf(scenario, [...first, ...second]);
  expect(spilled).toContain(chunkStore.database);
  const inDatabase = await movedBuild(scenario, [...first, ...second]);
  await append(scenario, inDatabase);
  await append(scenario, running);
  const status = await scenario.command(['status']);
  expect(status.tail()).toMatch(/shared-state: .* of .* %/);

  await stack.servers.objectStorage.start();
  await finishBuild(gitlab, running);
  const all = [...first, ...second].map((build) => ({
    build,
    sizeBytes: sizeBytes + (build.id === inDatabase.id ? late : 0),
  }));
  const ended = { build: running, sizeBytes: 2 * chunkBytes + 500 + late };
  await announce(scenario, [...second.map(traceOf), ended]);
  await scenario.caughtUp('trace-archiver', 'builds.finished', 120_000);
  await expectArchived(scenario, [...all, ended]);
  expect(await gitlab.redis.keys('gitlab:ci:trace:*')).toEqual([]);
}, 240_000);

const traceOf = (build: TraceBuild): FinishedTrace => ({ build, sizeBytes });

/** A trace without any chunk left in Redis. */
async function movedBuild(scenario: Scenario, builds: readonly TraceBuild[]): Promise<TraceBuild> {
  for (const build of builds) {
    const stores = await storesOf(scenario, [build]);
    if (!stores.some((store) => live.has(store))) return build;
  }
  throw new Error('no build has moved');
}
