import { useBadNetwork } from '../../support/stack/bad-network';
import { until } from '../../support/until';
import { useScenario } from '../../support/scenario/use-scenario';

const ground = useScenario(__filename, { changes: 'none' });
const network = useBadNetwork();

const by = ['--author', 'anna', '--reason', 'the registry is away', '--yes'];

const command = (...args: string[]) =>
  ground().command(args, 'reader', 0, { ...network().settings });

test('the registry goes away: the first pause ever is set, shown, followed, and taken back', async () => {
  const scenario = ground();
  const deleter = scenario.run('artifact-deleter', network().settings);
  const sweep = scenario.run('expired-artifacts', network().settings);
  await Promise.all([deleter, sweep].map((process) => process.logged('process.started')));
  await scenario.gone(await scenario.world.manyArtifacts({ count: 20 }));
  await network().registry.refuse();

  await command('flags', 'set', 'artifact-deleter', 'pause', 'true', ...by);
  await deleter.logged('flag.changed', (line) => line['paused'] === true, 5_000);
  const waiting = await scenario.world.manyArtifacts({ count: 20 });
  await until('they are produced', async () => {
    return (await scenario.behind('artifact-deleter', 'artifacts.expired')) > 0;
  });
  expect((await command('flags', 'get')).noise.join('\n')).toContain(
    'artifact-deleter: pause true',
  );
  await until('status says who paused it', async () => {
    const { noise } = await command('status');
    return noise.join('\n').includes('paused by anna: the registry is away');
  });
  await scenario.expectKept(waiting);

  await command('flags', 'unset', 'artifact-deleter', 'pause', ...by);
  await scenario.gone(waiting);
  await network().registry.heal();
});

test('a process that starts reads decisions without the registry that were made during its outage', async () => {
  const scenario = ground();
  await network().registry.refuse();
  await command('flags', 'set', 'artifact-deleter', 'pause', 'true', ...by);
  await network().registry.heal();
  const restarted = scenario.run('artifact-deleter', network().settings);
  await restarted.logged('flag.in-force');
  await command('flags', 'unset', 'artifact-deleter', 'pause', ...by);
  await restarted.logged('flag.changed', (line) => line['paused'] === false);
});
