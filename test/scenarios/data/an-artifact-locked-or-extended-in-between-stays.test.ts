import { lockArtifacts, setExpiry } from '../../../ops/gitlab/changes';
import { useScenario } from '../../support/scenario/use-scenario';

const ground = useScenario(__filename, { changes: 'none' });

test('an artifact that is locked or extended between sweep and delete stays, row and object', async () => {
  const scenario = ground();
  const { world, gitlab } = scenario;
  const locked = await world.anArtifact({ keyKind: 'hashed' });
  const extended = await world.anArtifact({ keyKind: 'final' });
  const forever = await world.anArtifact({ keyKind: 'legacy' });
  const going = await world.manyArtifacts({ count: 50 });

  const sweep = scenario.run('expired-artifacts');
  await sweep.logged('page.produced');
  await sweep.stop();
  await lockArtifacts(gitlab, [locked]);
  await setExpiry(gitlab, [extended], 3_600_000);
  await setExpiry(gitlab, [forever], null);

  scenario.run('artifact-deleter');
  await scenario.gone(going);
  await scenario.caughtUp('artifact-deleter', 'artifacts.expired');
  await scenario.expectKept([locked, extended, forever]);
});
