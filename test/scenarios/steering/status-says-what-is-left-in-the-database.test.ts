import { statusOf } from '../../support/scenario/status-of';
import { until } from '../../support/until';
import { useScenario } from '../../support/scenario/use-scenario';

const ground = useScenario(__filename, { changes: 'none' });

const by = ['--author', 'anna', '--reason', 'maintenance', '--yes'];
const flags = (...args: string[]) => ground().command(['flags', ...args, ...by]);

test('what a paused sweep leaves in the database is counted, and has no end until it goes on', async () => {
  const scenario = ground();
  const sweep = scenario.run('expired-artifacts');
  const deleter = scenario.run('artifact-deleter');
  await Promise.all([sweep, deleter].map((process) => process.logged('process.started')));
  await scenario.gone(await scenario.world.manyArtifacts({ count: 20 }));

  await flags('set', 'expired-artifacts', 'pause', 'true');
  await sweep.logged('flag.changed', (line) => line['paused'] === true);
  const waiting = await scenario.world.manyArtifacts({ count: 300 });
  await until('status counts them in the database', async () => {
    const { state, work, wholeEtaMs, sentence } = await statusOf(scenario, 'expired-artifacts');
    expect([state, wholeEtaMs, sentence]).toEqual(['paused', null, 'paused by anna: maintenance']);
    expect(work).toMatchObject({ unit: 'artifacts', inDatabase: 300, isEstimate: false });
    return true;
  });
  await scenario.expectKept(waiting);

  await flags('unset', 'expired-artifacts', 'pause');
  await scenario.gone(waiting);
  await until('status says that nothing is left', async () => {
    const { work, wholeEtaMs } = await statusOf(scenario, 'expired-artifacts');
    expect([work?.inDatabase, work?.inFlight, wholeEtaMs]).toEqual([0, 0, 0]);
    return true;
  });
  const { work } = await statusOf(scenario, 'artifact-deleter');
  expect(work?.perSecond).toBeGreaterThan(0);
});

test('who set a flag, and who took it back, stays to be read', async () => {
  const { noise } = await ground().command(['flags', 'log', 'expired-artifacts']);
  expect(noise[0]).toMatch(/expired-artifacts: pause true set by anna: maintenance$/);
  expect(noise[1]).toMatch(/expired-artifacts: pause taken back by anna: maintenance$/);
});
