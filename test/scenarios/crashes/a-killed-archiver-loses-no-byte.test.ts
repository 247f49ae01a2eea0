import { steps, type Step } from '../../../lib/process/steps';
import type { ChunkStore } from '../../../ops/gitlab/traces/trace-stores';
import { chunkStore } from '../../../lib/gitlab/trace-chunks';
import { announce, expectArchived, finishedTraces } from '../../support/records/archived-builds';
import { flowsKilledIn } from '../../support/scenario/killed-flows';
import { type Scenario } from '../../support/scenario/scenario';
import { useScenario } from '../../support/scenario/use-scenario';
import { until } from '../../support/until';

/** So that the waits for the session of the dead member overlap. */
const grounds = [1, 2, 3].map((at) => useScenario(`${__filename} ${at}`, { changes: 'none' }));
const stores: readonly ChunkStore[] = [1, 2, 3, 4];
/** A dead archiver's leases end soon, so that its successor need not wait for them. */
const quick = { ARCHIVE_LEASE_MS: '1000' };
const ownSteps = steps.filter((step) => step.startsWith('archiver.'));

test('every step of the archiver is one at which it is killed', () => {
  expect([...new Set(ownSteps.map((step) => step.split('.')[0]))]).toEqual(
    flowsKilledIn(__filename),
  );
});

async function killedAt(scenario: Scenario, step: Step): Promise<void> {
  const wishes = Array.from({ length: 12 }, (_, at) => ({
    sizeBytes: at * 30_000,
    storeOf: (index: number) => stores[(at + index) % 4]!,
  }));
  const traces = await finishedTraces(scenario, wishes);
  await announce(scenario, traces);
  const victim = scenario.run('trace-archiver', {
    ...quick,
    AFTERBUILD_FAIL_POINT: `${step}=kill@2`,
  });
  await until(`the archiver is killed at ${step}`, () => victim.exit !== undefined);
  expect([step, victim.exit?.signal]).toEqual([step, 'SIGKILL']);
  const successor = scenario.run('trace-archiver', quick);
  await scenario.caughtUp('trace-archiver', 'builds.finished');
  await successor.stop();
  await expectArchived(scenario, traces);
  const left = await scenario.gitlab.redis.keys('gitlab:*');
  expect(left).toEqual([]);
}

test('after a SIGKILL at any step a restart ends with one object a trace and nothing left over', async () => {
  await Promise.all(
    grounds.map(async (ground, at) => {
      const own = ownSteps.filter((_, index) => index % grounds.length === at);
      for (const step of own) await killedAt(ground(), step);
    }),
  );
}, 300_000);

test('killed between object and row, and then Redis loses its data: the object is the only copy, and gets its row', async () => {
  const scenario = grounds[0]!();
  const traces = await finishedTraces(scenario, [
    { sizeBytes: 300_000, storeOf: () => chunkStore.redisTraceChunks },
  ]);
  const victim = scenario.run('trace-archiver', {
    ...quick,
    AFTERBUILD_FAIL_POINT: 'archiver.traces-stored=kill',
  });
  await announce(scenario, traces);
  await until('the archiver is killed', () => victim.exit !== undefined);
  // Until the successor has found the object nobody can read them: that is the loss, and not ours.
  scenario.gitlab.ledger.append(
    traces.map(({ build, sizeBytes }) => {
      return { kind: 'lost', buildId: build.id, fromByte: 0, toByte: sizeBytes };
    }),
  );
  await scenario.gitlab.redis.flushdb();
  const successor = scenario.run('trace-archiver', quick);
  await scenario.caughtUp('trace-archiver', 'builds.finished');
  await expectArchived(scenario, traces);
  expect(successor.events('trace.waits')).toEqual([]);
  expect((await successor.stop()).code).toBe(0);
}, 120_000);
