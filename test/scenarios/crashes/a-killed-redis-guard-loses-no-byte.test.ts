import { chunkBytes, chunkStore } from '../../../lib/gitlab/trace-chunks';
import { steps, type Step } from '../../../lib/process/steps';
import { readTrace } from '../../../ops/gitlab/traces/live-reader';
import { appendTrace, type TraceBuild } from '../../../ops/gitlab/traces/live-trace';
import { traceBytes } from '../../../ops/gitlab/traces/trace-bytes';
import { finishBuild } from '../../../ops/gitlab/traces/trace-life';
import { chunkRows } from '../../../ops/gitlab/traces/trace-stores';
import { announce, expectArchived } from '../../support/records/archived-builds';
import { flowsKilledIn } from '../../support/scenario/killed-flows';
import type { RunningProcess } from '../../support/scenario/running-process';
import type { Scenario } from '../../support/scenario/scenario';
import { until } from '../../support/until';
import { useScenario } from '../../support/scenario/use-scenario';

/** So that the waits for the session of the dead member overlap. */
const grounds = [1, 2].map((at) => useScenario(`${__filename} ${at}`, { changes: 'none' }));
const ownSteps = steps.filter((step) => step.startsWith('guard.'));

/** Two full chunks, and a last one that goes on growing. */
const sizeBytes = 2 * chunkBytes + 500;
const appended = 1_000;

const guarding = {
  // A dead archiver's leases end soon, so that neither GitLab nor its successor need wait for them.
  ARCHIVE_LEASE_MS: '1000',
  REDIS_GUARD_EVERY_MS: '100',
  REDIS_GUARD_PASS_MS: '100',
  // All that GitLab writes ends within seven days: everything is to move, however much room there is.
  REDIS_GUARD_TTL_MS: String(7 * 86_400_000),
};

test('every step of the guard is one at which it is killed', () => {
  expect([...new Set(ownSteps.map((step) => step.split('.')[0]))]).toEqual(
    flowsKilledIn(__filename),
  );
});

async function expectRead({ gitlab }: Scenario, build: TraceBuild, bytes: number): Promise<void> {
  const read = await readTrace(gitlab, build.id);
  expect({ from: read.from, bytes: read.bytes.length }).toEqual({ from: 'chunks', bytes });
  expect(read.bytes.equals(traceBytes(build.id, 0, bytes))).toBe(true);
}

/** As a runner does, again and again while somebody has the lease. */
async function append({ gitlab }: Scenario, build: TraceBuild): Promise<void> {
  await until('GitLab appends', async () => (await appendTrace(gitlab, build, appended)).accepted);
}

/** Every chunk has its bytes in its row, and nowhere else; those that GitLab does not touch were changed once. */
async function expectMovedOnce({ gitlab }: Scenario, builds: readonly TraceBuild[]): Promise<void> {
  const chunks = (await Promise.all(builds.map(({ id }) => chunkRows(gitlab, id)))).flat();
  expect(chunks.map(({ store }) => store)).toEqual(chunks.map(() => chunkStore.database));
  const full = chunks.filter(({ index }) => index < 2);
  expect(full.map(({ lockVersion }) => lockVersion)).toEqual(full.map(() => 1));
}

async function killedAt(scenario: Scenario, step: Step): Promise<RunningProcess> {
  const failPoint = { AFTERBUILD_FAIL_POINT: `${step}=kill` };
  const victim = scenario.run('trace-archiver', { ...guarding, ...failPoint });
  await until(`the archiver is killed at ${step}`, () => victim.exit !== undefined);
  expect([step, victim.exit?.signal]).toEqual([step, 'SIGKILL']);
  return victim;
}

async function round(scenario: Scenario, step: Step): Promise<void> {
  const builds = [
    await scenario.traces.aRunningTrace({ sizeBytes }),
    await scenario.traces.aRunningTrace({ sizeBytes, stores: 'shared-redis' }),
  ];
  await killedAt(scenario, step);
  for (const build of builds) {
    await expectRead(scenario, build, sizeBytes);
    await append(scenario, build);
    await expectRead(scenario, build, sizeBytes + appended);
  }
  const successor = scenario.run('trace-archiver', guarding);
  await until('no chunk has data in Redis', async () => {
    return (await scenario.gitlab.redis.keys('gitlab:ci:trace:*')).length === 0;
  });
  await expectMovedOnce(scenario, builds);
  for (const build of builds) {
    await append(scenario, build);
    await expectRead(scenario, build, sizeBytes + 2 * appended);
    await finishBuild(scenario.gitlab, build);
  }
  const traces = builds.map((build) => ({ build, sizeBytes: sizeBytes + 2 * appended }));
  await announce(scenario, traces);
  await scenario.caughtUp('trace-archiver', 'builds.finished');
  await successor.stop();
  await expectArchived(scenario, traces);
  expect(await scenario.gitlab.redis.keys('gitlab:*')).toEqual([]);
}

test('after a SIGKILL at any step of a move GitLab reads and appends, and the next guard ends it: no byte is lost, none is twice', async () => {
  await Promise.all(
    grounds.map(async (ground, at) => {
      const scenario = ground();
      const why = ['--reason', 'a test', '--author', 'anna', '--yes'];
      await scenario.command(['flags', 'set', 'trace-archiver', 'redis-guard', 'on', ...why]);
      const own = ownSteps.filter((_, index) => index % grounds.length === at);
      for (const step of own) await round(scenario, step);
    }),
  );
}, 300_000);
