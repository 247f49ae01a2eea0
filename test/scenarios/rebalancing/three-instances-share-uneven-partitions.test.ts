import { topicNames } from '../../../lib/kafka/topics/topics';
import { makeAnew } from '../../support/scenario/operator-actions';
import type { RunningProcess } from '../../support/scenario/running-process';
import { useScenario } from '../../support/scenario/use-scenario';
import { until } from '../../support/until';

const ground = useScenario(`${__filename} three`, { changes: 'none' });
const narrow = useScenario(`${__filename} one partition`, { changes: 'none' });

const expired = topicNames.artifactsExpired;
const rowsMax = 50;
const pages = { SWEEP_PAGE_ROWS: String(rowsMax) };
/** Half a minute of work: joining, leaving and dying all happen in the middle of it, on a slow machine, too. */
const slowly = {
  DELETE_CONCURRENCY: '1',
  DELETE_ROWS_MAX: String(rowsMax),
  DELETIONS_PER_MINUTE_MAX: '4500',
};

const sum = (processes: readonly RunningProcess[], field: string): number =>
  processes
    .flatMap((process) => process.events('artifacts.deleted'))
    .reduce((total, line) => total + Number(line[field]), 0);

const works = (process: RunningProcess) =>
  process.logged('artifacts.deleted', ({ deleted }) => Number(deleted) > 0);

test('three instances share uneven partitions while one joins, one leaves and one is killed', async () => {
  const scenario = ground();
  const { world } = scenario;
  const kept = await world.manyArtifacts({ count: 20, locked: 1 });
  const going = [
    ...(await world.manyArtifacts({ count: 2_000 })),
    ...(await world.manyArtifacts({ count: 300, partitionId: 101 })),
    ...(await world.manyArtifacts({ count: 100, partitionId: 102 })),
  ];
  const producers = [1, 2].map(() => scenario.run('expired-artifacts', pages));
  const dying = scenario.run('artifact-deleter', {
    ...slowly,
    AFTERBUILD_FAIL_POINT: 'deleter.rows-deleted=stop@4',
  });
  const leaving = scenario.run('artifact-deleter', slowly);
  const staying = scenario.run('artifact-deleter', slowly);
  await Promise.all([works(leaving), works(staying), dying.frozen()]);

  const joining = scenario.run('artifact-deleter', slowly);
  await works(joining);
  expect((await leaving.stop()).code).toBe(0);
  expect(await scenario.behind('artifact-deleter', expired)).toBeGreaterThan(0);
  dying.kill('SIGKILL');

  const deleters = [dying, leaving, staying, joining];
  await scenario.gone(going, 120_000);
  await scenario.caughtUp('artifact-deleter', expired);
  await scenario.expectKept(kept);
  const ends = await scenario.topics.ends(scenario.named(expired));
  const loads = ends.map(({ highWatermark }) => highWatermark);
  expect(Math.max(...loads)).toBeGreaterThan(2 * Math.min(...loads));
  // Each shard was swept by one of the two.
  expect(producers.flatMap((producer) => producer.events('sweep.begun')).length).toBeGreaterThan(1);
  // A joining or leaving member hands over cleanly; a killed one leaves its last micro-batch, and the one before it if
  // that was not committed yet.
  expect(sum(deleters, 'alreadyGone')).toBeLessThanOrEqual(2 * rowsMax);
});

test('an instance without a partition waits idle, says so, and takes over', async () => {
  const scenario = narrow();
  const { world } = scenario;
  await makeAnew(scenario, expired, 1);
  const first = scenario.run('artifact-deleter');
  await first.logged('group.joined', ({ partitions }) => partitions === 1);
  const spare = scenario.run('artifact-deleter');
  await spare.logged('group.idle');
  expect(first.events('group.idle')).toHaveLength(0);

  const going = await world.manyArtifacts({ count: 50 });
  const sweep = scenario.run('expired-artifacts', pages);
  await scenario.gone(going);
  expect(sum([spare], 'asked')).toBe(0);
  expect((await first.stop()).code).toBe(0);
  const later = await world.manyArtifacts({ count: 50, expireInMs: -1 });
  await scenario.gone(later);
  // It reports that after it is done.
  await until('the spare one has said so', () => sum([spare], 'deleted') === later.length);
  expect(sweep.exit).toBeUndefined();
});
