import { addPartition } from '../../../ops/gitlab/schema';
import { unlockArtifacts } from '../../../ops/gitlab/changes';
import { useScenario } from '../../support/scenario/use-scenario';

const ground = useScenario(__filename, { changes: 'streamed' });

test('a partition that is added while the pipeline runs is swept, and its changes are followed', async () => {
  const scenario = ground();
  const { world, gitlab } = scenario;
  const old = await world.anArtifact();
  scenario.run('expired-artifacts');
  scenario.run('artifact-deleter');
  await scenario.gone([old]);

  await addPartition(gitlab.pool, 103);
  const soon = await world.anArtifact({ partitionId: 103, expireInMs: 20_000 });
  const locked = await world.anArtifact({ partitionId: 103, locked: 1 });
  await unlockArtifacts(gitlab, [locked]);
  await scenario.gone([locked]);
  await scenario.gone([soon]);
});
