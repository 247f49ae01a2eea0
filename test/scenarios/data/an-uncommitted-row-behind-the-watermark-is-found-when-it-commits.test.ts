import { useScenario } from '../../support/scenario/use-scenario';

const ground = useScenario(__filename, { changes: 'streamed' });

test('a row whose change commits long after the watermark has passed its expiry is found', async () => {
  const scenario = ground();
  const { world, gitlab } = scenario;
  const held = await world.anArtifact({ expireInMs: -7_200_000, locked: 1 });
  const swept = await world.anArtifact({ expireInMs: -3_600_000 });

  const transaction = await gitlab.pool.connect();
  await transaction.query('BEGIN');
  await transaction.query('UPDATE p_ci_job_artifacts SET locked = 0 WHERE id = $1', [held.id]);

  scenario.run('expired-artifacts', { SWEEP_FULL_EVERY_MS: '86400000' });
  scenario.run('artifact-deleter');
  await scenario.gone([swept]);
  await scenario.expectKept([held]);

  await transaction.query('COMMIT');
  transaction.release();
  gitlab.ledger.append([{ kind: 'changed', ids: [held.id], locked: 0 }]);
  await scenario.gone([held]);
});
