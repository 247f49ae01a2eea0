import { setExpiry, unlockPipeline } from '../../../ops/gitlab/changes';
import { useScenario } from '../../support/scenario/use-scenario';

const ground = useScenario(__filename, { changes: 'streamed' });

/** The sweep makes its first pass and then none for an hour. */
const oneSweep = { SWEEP_IDLE_MS: '3600000', SWEEP_FULL_EVERY_MS: '86400000' };

test('an artifact that is unlocked after it expired, or whose expiry moves into the past, goes by its change alone', async () => {
  const scenario = ground();
  const { world, gitlab } = scenario;
  const pipeline = await world.aPipeline({ locked: true });
  const build = await world.aBuild({ pipeline });
  const unlocked = await world.anArtifact({ build });
  const shortened = await world.anArtifact({ expireInMs: 3_600_000 });
  const soon = await world.anArtifact({ expireInMs: 3_600_000 });
  const later = await world.anArtifact({ expireInMs: 3_600_000 });
  const swept = await world.anArtifact();

  scenario.run('expired-artifacts', oneSweep);
  scenario.run('artifact-deleter');
  await scenario.gone([swept]);
  await scenario.expectKept([unlocked, shortened, soon, later]);

  await unlockPipeline(gitlab, pipeline);
  await setExpiry(gitlab, [shortened], -60_000);
  await setExpiry(gitlab, [soon], 3_000);
  await setExpiry(gitlab, [later], 7_200_000);
  await scenario.gone([unlocked, shortened, soon]);
  await scenario.expectKept([later]);
});
