import { unlockArtifacts } from '../../../ops/gitlab/changes';
import { useScenario } from '../../support/scenario/use-scenario';

const ground = useScenario(__filename, { changes: 'streamed' });

/**
 * The race of docs/adr/0003: the page has been read, its watermark is not yet out, and an unlock of a
 * row below that watermark commits in between. No later page will ever read that row.
 */
test('an unlock that commits between the read of a page and its watermark is deleted all the same', async () => {
  const scenario = ground();
  const { world, gitlab } = scenario;
  const early = await world.anArtifact({ expireInMs: -7_200_000, locked: 1 });
  const swept = await world.manyArtifacts({ count: 20, expireInMs: -3_600_000 });

  const sweep = scenario.run('expired-artifacts', {
    AFTERBUILD_FAIL_POINT: 'sweep.page-read=stop',
    SWEEP_FULL_EVERY_MS: '86400000',
  });
  await sweep.frozen();
  await unlockArtifacts(gitlab, [early]);
  sweep.kill('SIGCONT');

  scenario.run('artifact-deleter');
  await scenario.gone([early, ...swept]);
});
