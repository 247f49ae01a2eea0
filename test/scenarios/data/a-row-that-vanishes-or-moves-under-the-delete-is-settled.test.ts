import { Client, type ClientBase } from 'pg';
import { type Scenario } from '../../support/scenario/scenario';
import { useScenario } from '../../support/scenario/use-scenario';
import { superuserConfig } from '../../support/stack/stack';
import { until } from '../../support/until';

const ground = useScenario(__filename, { changes: 'none' });

/** A transaction that has touched a row and not ended yet. */
async function begun(client: ClientBase, id: number, statements: readonly string[]) {
  await client.query('BEGIN');
  for (const statement of statements) await client.query(`${statement} WHERE id = ${id}`);
  return client;
}

/** Ends it at the moment when the deleter's statement waits for it. */
async function endUnderTheDelete(scenario: Scenario, transaction: ClientBase, end: string) {
  const { rows } = await transaction.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  await until('the delete waits for the transaction', async () => {
    const waiting = await scenario.sql(
      `SELECT FROM pg_stat_activity WHERE datname = current_database()
         AND usename = 'afterbuild_deleter' AND $1 = ANY (pg_blocking_pids(pid))`,
      [rows[0]?.pid],
    );
    return waiting.length === 1;
  });
  await transaction.query(end);
}

test('a row that is deleted, locked or moved while our DELETE waits for it ends with the right object', async () => {
  const scenario = ground();
  const { world, gitlab } = scenario;
  const deleted = await world.anArtifact();
  const locked = await world.anArtifact();
  const moved = await world.anArtifact();
  const pipeline = await world.aPipeline();
  const renumbered = await world.anArtifact({
    build: await world.aBuild({ pipeline }),
    keyKind: 'final',
  });
  const spared = await world.anArtifact();
  const bystanders = await world.manyArtifacts({ count: 20 });
  const sweep = scenario.run('expired-artifacts');
  await sweep.logged('page.produced');
  await sweep.stop();

  const clients = await Promise.all([1, 2, 3, 4].map(() => gitlab.pool.connect()));
  // GitLab's triggers give moved rows new ids; to keep them, triggers must be off.
  const caretaker = new Client({
    ...superuserConfig(scenario.stack),
    database: scenario.scope.database,
  });
  await caretaker.connect();
  await caretaker.query('SET session_replication_role = replica');
  const deleting = 'DELETE FROM p_ci_job_artifacts';
  const deletion = await begun(clients[0]!, deleted.id, [deleting]);
  const lock = await begun(clients[1]!, locked.id, ['UPDATE p_ci_job_artifacts SET locked = 1']);
  const move = await begun(caretaker, moved.id, [
    'UPDATE p_ci_job_artifacts SET partition_id = 102',
  ]);
  const renumbering = await begun(clients[2]!, pipeline.id, [
    'UPDATE p_ci_pipelines SET partition_id = 102',
  ]);
  const rolledBack = await begun(clients[3]!, spared.id, [deleting]);

  // The delete takes the rows of a statement in the order of their ids, so it meets them one by one.
  const deleter = scenario.run('artifact-deleter');
  await endUnderTheDelete(scenario, deletion, 'COMMIT');
  await endUnderTheDelete(scenario, lock, 'COMMIT');
  await endUnderTheDelete(scenario, move, 'COMMIT');
  await endUnderTheDelete(scenario, renumbering, 'COMMIT');
  await endUnderTheDelete(scenario, rolledBack, 'ROLLBACK');
  for (const client of clients) client.release();
  await caretaker.end();

  const [place] = await scenario.sql<{ id: string }>(
    'SELECT id FROM p_ci_job_artifacts WHERE file_final_path = $1',
    [renumbered.key],
  );
  const renamed = { ...renumbered, id: Number(place?.id) };
  expect(renamed.id).not.toBe(renumbered.id);
  gitlab.ledger.append([
    { kind: 'deleted', ids: [deleted.id, renumbered.id] },
    { kind: 'changed', ids: [locked.id], locked: 1 },
    renamed,
  ]);

  // Only the deleter removes the object of the vanished row: GitLab was interrupted.
  await scenario.gone([deleted, spared, ...bystanders]);
  await scenario.caughtUp('artifact-deleter', 'artifacts.expired');
  const settled = await deleter.logged('artifacts.deleted');
  expect(settled).toMatchObject({ asked: 25, deleted: 21, alreadyGone: 2, kept: 2, objects: 22 });
  await scenario.expectKept([locked, moved, renamed]);

  scenario.run('expired-artifacts');
  await scenario.gone([moved, renamed]);
  await scenario.expectKept([locked]);
});
