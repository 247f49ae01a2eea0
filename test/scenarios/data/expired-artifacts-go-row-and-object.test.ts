import { artifactLocked, fileStore, fileType } from '../../../lib/gitlab/enums';
import { seedForeignObjects } from '../../../ops/gitlab/foreign';
import { createRandom } from '../../../ops/gitlab/random';
import { useScenario } from '../../support/scenario/use-scenario';

const ground = useScenario(__filename, { changes: 'streamed' });

test('expired, unlocked artifacts lose row and object; everything else is left alone', async () => {
  const scenario = ground();
  const { world } = scenario;
  const going = [
    await world.anArtifact({ keyKind: 'hashed' }),
    await world.anArtifact({ keyKind: 'legacy' }),
    await world.anArtifact({ keyKind: 'final' }),
    await world.anArtifact({ partitionId: 101, hasGeoState: true, hasReport: true }),
    await world.anArtifact({ partitionId: 102, fileType: fileType.junit }),
    ...(await world.manyArtifacts({ count: 1_500 })),
  ];
  const lockedPipeline = await world.aPipeline({ locked: true });
  const staying = [
    await world.anArtifact({ expireInMs: 3_600_000 }),
    await world.anArtifact({ expireInMs: null }),
    await world.anArtifact({ build: await world.aBuild({ pipeline: lockedPipeline }) }),
    await world.anArtifact({ locked: artifactLocked.unknown }),
    await world.anArtifact({ fileStore: fileStore.local }),
    await world.aTrace(),
    await world.aTrace(),
  ];
  await world.aLiveTrace();
  await seedForeignObjects(scenario.gitlab, {
    random: createRandom(1),
    baseMs: Date.now(),
    projectIds: [await world.aProject()],
  });

  scenario.run('expired-artifacts');
  scenario.run('artifact-deleter');
  await scenario.gone(going);
  await scenario.caughtUp('artifact-deleter', 'artifacts.expired');
  await scenario.expectKept(staying);
});
