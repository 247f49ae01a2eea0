import type { Client } from 'pg';
import { exitCodes } from '../../../lib/process/exit-codes';
import type { ArtifactEntry } from '../../../ops/gitlab/ledger';
import { DatabaseCopy } from '../../support/stack/backup';
import { refusalOf } from '../../support/scenario/refusal';
import type { RunningProcess } from '../../support/scenario/running-process';
import { useScenario } from '../../support/scenario/use-scenario';
import { asSuperuser } from '../../support/stack/stack';
import { until } from '../../support/until';

const ground = useScenario(__filename, { changes: 'none', database: 'own' });

/** Soon, so that it lies ahead of the watermark of the earlier sweep. */
const expireInMs = 1_000;

const idsOf = (artifacts: readonly ArtifactEntry[]): number[] => artifacts.map(({ id }) => id);

/** A whole segment of write-ahead log at a time: the server's own writes are far smaller. */
async function growBySegments(client: Client, segments: number): Promise<void> {
  for (let segment = 0; segment < segments; segment += 1) {
    await client.query('CREATE TABLE grown (); DROP TABLE grown'); // an unused segment stays
    await client.query('SELECT pg_switch_wal()');
  }
}

/** Swept and produced, not deleted; then the copy takes the database's place. */
async function produceThenRestore(
  copy: DatabaseCopy,
  known: readonly ArtifactEntry[],
): Promise<readonly ArtifactEntry[]> {
  const scenario = ground();
  const lost = await scenario.world.manyArtifacts({ count: 30, expireInMs });
  await asSuperuser(scenario.stack, 'postgres', (client) => growBySegments(client, 1));
  const sweep = scenario.run('expired-artifacts');
  const produced = () =>
    sweep
      .events('page.produced')
      .filter((page) => page['sweep'] === 'due')
      .reduce((sum, page) => sum + Number(page['artifacts']), 0);
  await until('all are produced', () => produced() === known.length + lost.length);
  await sweep.stop();
  await copy.takeThePlace();
  expect(await scenario.rowsOf([...known, ...lost])).toEqual(idsOf(known));
  return lost;
}

/** A database that has grown past the records it was behind is still another one. */
async function growPastTheDoubt(deleter: RunningProcess): Promise<void> {
  await asSuperuser(ground().stack, 'postgres', async (client) => {
    await growBySegments(client, 3);
    const looked = `SELECT FROM pg_stat_activity
      WHERE application_name = 'artifact-deleter' AND state = 'idle' AND query_start > $1`;
    const { rows } = await client.query<{ now: string }>('SELECT clock_timestamp()::text AS now');
    await until(`${deleter.name} has looked at the database again`, async () => {
      const { rowCount } = await client.query(looked, [rows[0]!.now]);
      return (rowCount ?? 0) > 0;
    });
  });
}

async function expectHeldUntilAccepted(
  known: readonly ArtifactEntry[],
  lost: readonly ArtifactEntry[],
  reason: RegExp,
): Promise<void> {
  const scenario = ground();
  const all = [...known, ...lost];
  scenario.expectError(/"event":"database.held"/);
  // A record of an earlier timeline is no outage: its lane holds for an operator.
  scenario.expectError(/lane holds/);
  const deleter = scenario.run('artifact-deleter');
  await deleter.logged('lane.retrying', (line) => reason.test((line['err'] as Error).message));
  const sweep = scenario.run('expired-artifacts');
  expect((await sweep.logged('database.held'))['reason']).toMatch(reason);

  await growPastTheDoubt(deleter);
  await scenario.command(['accept-database', '--reason', 'only looking'], 'deleter');
  expect(deleter.events('artifacts.deleted')).toEqual([]);
  expect(await scenario.rowsOf(all)).toEqual(idsOf(known));
  expect(await scenario.objectsOf(all)).toHaveLength(all.length);

  await scenario.command(['accept-database', '--reason', 'restored', '--yes'], 'deleter');
  await scenario.gone(known);
  await sweep.logged('database.released');
  await scenario.caughtUp('artifact-deleter', 'artifacts.expired');
  expect(await scenario.objectsOf(lost)).toHaveLength(lost.length);
  await Promise.all([deleter.stop(), sweep.stop()]);
}

/** The operator's next step: the rows are lost, so their objects are garbage. */
async function cleanUpAsReported(lost: readonly ArtifactEntry[]): Promise<void> {
  const { gitlab } = ground();
  const report = await refusalOf(['reconcile', '--check'], ground().environment('reader'));
  expect(report.code).toBe(exitCodes.failed);
  const sentence = `0 rows without object, ${lost.length} objects without row`;
  expect(report.said).toContainEqual(expect.stringContaining(sentence));
  await gitlab.objects.remove(lost.flatMap(({ key }) => (key === null ? [] : [key])));
  gitlab.ledger.append([{ kind: 'deleted', ids: idsOf(lost) }]);
}

test('a plain copy of the data folder, put back under the same port, is held until it is accepted', async () => {
  const { stack, world } = ground();
  const known = await world.manyArtifacts({ count: 20, expireInMs });
  const copy = new DatabaseCopy(stack);
  try {
    await copy.takeCold();
    const lost = await produceThenRestore(copy, known);
    await expectHeldUntilAccepted(known, lost, /has only come to [0-9]+: it is an older copy/);
    await cleanUpAsReported(lost);
  } finally {
    copy.remove();
  }
});

test('a base backup that was recovered onto a new timeline is held until it is accepted', async () => {
  const { stack, world } = ground();
  const known = await world.manyArtifacts({ count: 20, expireInMs });
  const copy = new DatabaseCopy(stack);
  try {
    await copy.takeHot();
    copy.recoverAtStart();
    const lost = await produceThenRestore(copy, known);
    await ground().slotOnly(); // a base backup has none: `connect apply` makes it anew
    await expectHeldUntilAccepted(
      known,
      lost,
      /on timeline [0-9]+, but the database is on [0-9]+: it was/,
    );
    await cleanUpAsReported(lost);
  } finally {
    copy.remove();
  }
});
