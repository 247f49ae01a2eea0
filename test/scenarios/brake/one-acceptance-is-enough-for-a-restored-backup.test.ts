import { changeArtifacts } from '../../../ops/gitlab/changes';
import type { ArtifactEntry } from '../../../ops/gitlab/ledger';
import { DatabaseCopy } from '../../support/stack/backup';
import { asSuperuser } from '../../support/stack/stack';
import { until } from '../../support/until';
import { useScenario } from '../../support/scenario/use-scenario';

const ground = useScenario(__filename, { changes: 'none', database: 'own' });

const farOffMs = 86_400_000;
/** Ahead of the watermark of what was swept earlier. */
const soonMs = 1_000;

/** The log of the database's own history ends further on than the copy's. */
const grow = (): Promise<unknown> =>
  asSuperuser(ground().stack, 'postgres', (client) =>
    client.query('CREATE TABLE grown (); DROP TABLE grown; SELECT pg_switch_wal()'),
  );

/** Each process opens new ones, some of them much later than the others. */
const endConnections = (): Promise<unknown> =>
  asSuperuser(ground().stack, 'postgres', (client) =>
    client.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND usename LIKE 'afterbuild%'`,
      [ground().scope.database],
    ),
  );

const expire = (artifacts: readonly ArtifactEntry[]): Promise<unknown> =>
  changeArtifacts(ground().gitlab, artifacts, 'expire_at = now()');

/** As an operator does who sees the restored server answer: he waits for no process to notice. */
const accept = (): Promise<unknown> =>
  ground().command(['accept-database', '--reason', 'restored', '--yes'], 'deleter');

test('two of each process live through a restore, a third starts later, and one acceptance is enough for all', async () => {
  const scenario = ground();
  // Who looks before the acceptance has come says so.
  scenario.expectError(/"event":"database.held"/);
  scenario.expectError(/lane holds/);
  const kept = await scenario.world.manyArtifacts({ count: 400, expireInMs: farOffMs });
  const copy = new DatabaseCopy(scenario.stack);
  try {
    await copy.takeCold();
    await grow();
    const pages = { SWEEP_PAGE_ROWS: '20' };
    const sweeps = [
      scenario.run('expired-artifacts', pages),
      scenario.run('expired-artifacts', pages),
    ];
    const deleters = [scenario.run('artifact-deleter'), scenario.run('artifact-deleter')];
    await scenario.gone(await scenario.world.manyArtifacts({ count: 400 }));
    await copy.takeThePlace();
    await accept();
    const late = scenario.run('artifact-deleter');
    deleters.push(late);
    await expire(kept.slice(0, 200));
    await scenario.gone(kept.slice(0, 200));
    await endConnections();
    const later = scenario.run('expired-artifacts', pages);
    sweeps.push(later);
    await Promise.all([late, later].map((process) => process.logged('process.started')));
    await expire(kept.slice(200));
    await scenario.gone(kept.slice(200));
    await scenario.caughtUp('artifact-deleter', 'artifacts.expired');
    await Promise.all([...sweeps, ...deleters].map((process) => process.stop()));
  } finally {
    copy.remove();
  }
});

test('a page that waited for room through a restore and its acceptance is read again: none of its records needs another', async () => {
  const scenario = ground();
  const kept = await scenario.world.manyArtifacts({ count: 100, expireInMs: farOffMs });
  const copy = new DatabaseCopy(scenario.stack);
  try {
    await copy.takeCold();
    await grow();
    // More than LOOP_LIMIT_ARTIFACTS lets through on twelve partitions while nobody deletes.
    const lost = await scenario.world.manyArtifacts({
      count: 14_000,
      expireInMs: soonMs,
      withObjects: false,
    });
    const settings = { SWEEP_PAGE_ROWS: '1000', LOOP_LIMIT_ARTIFACTS: '1000', LOG_LEVEL: 'debug' };
    const sweep = scenario.run('expired-artifacts', settings);
    await sweep.logged('limit.reached');
    await copy.takeThePlace();
    expect(await scenario.rowsOf(lost)).toEqual([]);
    await accept();
    const deleter = scenario.run('artifact-deleter');
    await expire(kept);
    await scenario.gone(kept);
    await scenario.caughtUp('artifact-deleter', 'artifacts.expired');
    await until('the page was read again', () => sweep.events('page.outdated').length > 0);
    await Promise.all([deleter.stop(), sweep.stop()]);
    scenario.ledger.append([{ kind: 'deleted', ids: lost.map(({ id }) => id) }]);
  } finally {
    copy.remove();
  }
});
