import { leaseReserveKey } from '../../../lib/stores/redis/lease-reserve';
import { chunkRedisKey } from '../../../lib/gitlab/trace-chunks';
import { announce, expectArchived, finishedTraces } from '../../support/records/archived-builds';
import { fill, unlimited, usedMemory } from '../../support/stack/own-redis';
import type { RunningProcess } from '../../support/scenario/running-process';
import { statusOf } from '../../support/scenario/status-of';
import { useScenario } from '../../support/scenario/use-scenario';
import { until } from '../../support/until';
import { metricOf, untilReadiness } from '../../support/scenario/health-pages';

const ground = useScenario(__filename, { changes: 'none' });
const count = 30;
const sizeBytes = 100_000;
afterEach(() => unlimited(ground().gitlab.redis));

/** C3: the traces of finished builds, and no room for anything else. */
async function fullOfTraces() {
  const { redis } = ground().gitlab;
  const wishes = Array.from({ length: count }, () => ({ sizeBytes }));
  const traces = await finishedTraces(ground(), wishes);
  await fill(redis);
  const key = chunkRedisKey(traces[0]!.build.id, 0);
  await expect(redis.append(key, 'GitLab goes on')).rejects.toThrow(/OOM command not allowed/);
  return traces;
}

async function expectFreed(traces: Awaited<ReturnType<typeof fullOfTraces>>, before: number) {
  await ground().caughtUp('trace-archiver', 'builds.finished');
  await expectArchived(ground(), traces);
  const freed = before - (await usedMemory(ground().gitlab.redis));
  expect(freed).toBeGreaterThan(0.9 * count * sizeBytes);
}

async function expectSaid(archiver: RunningProcess) {
  await archiver.logged('redis.full');
  await archiver.logged('redis.has-room');
  await untilReadiness(archiver, 200, /"held":\[\]/);
  expect(await metricOf(archiver, 'afterbuild_redis_full')).toBe(0);
}

test('an archiver that starts when Redis is full, and one that works when it becomes full, archive all and free it', async () => {
  const scenario = ground();
  const { redis } = scenario.gitlab;
  const first = await fullOfTraces();
  const atStart = await usedMemory(redis);
  const archiver = scenario.run('trace-archiver', { HTTP_PORT: '0' });
  await untilReadiness(archiver, 200, /Redis at [^ ]+ \(shared-state\) is full: it uses/);
  expect(await metricOf(archiver, 'afterbuild_redis_full')).toBe(1);
  await until('status says so', async () => {
    const { sentence } = await statusOf(scenario, 'trace-archiver');
    return /Redis at [^ ]+ \(shared-state\) is full/.test(sentence);
  });
  await announce(scenario, first);
  await expectFreed(first, atStart);
  await expectSaid(archiver);

  await unlimited(redis);
  await until('the reserve is made', async () => (await redis.exists(leaseReserveKey)) === 1);
  const second = await fullOfTraces();
  const atWork = await usedMemory(redis);
  await announce(scenario, second);
  await expectFreed(second, atWork);
  expect(archiver.events('lane.retrying')).toEqual([]);
});
