import { useScenario } from '../../support/scenario/use-scenario';

const ground = useScenario(__filename, { changes: 'none' });

/** GitLab once stamped all its old artifacts with one of two midnights. */
const midnightMs = Date.UTC(2026, 9, 22);

test('110,000 rows that share one expire_at are swept and deleted', async () => {
  const scenario = ground();
  const { world } = scenario;
  const kept = await world.anArtifact({ expireAtMs: midnightMs, locked: 1 });
  const tied = await world.manyArtifacts({
    count: 110_000,
    expireAtMs: midnightMs,
    withObjects: false,
  });
  const before = await world.anArtifact({ expireAtMs: midnightMs - 1 });
  const after = await world.anArtifact({ expireAtMs: midnightMs + 1 });

  scenario.run('expired-artifacts');
  scenario.run('artifact-deleter');
  await scenario.gone([before, after, ...tied], 120_000);
  await scenario.expectKept([kept]);
});
