import { unlockPipeline } from '../../../ops/gitlab/changes';
import type { ArtifactEntry } from '../../../ops/gitlab/ledger';
import { expectArchived, finishedTraces } from '../../support/records/archived-builds';
import { statusOf } from '../../support/scenario/status-of';
import { useScenario } from '../../support/scenario/use-scenario';
import { until } from '../../support/until';

const ground = useScenario(__filename, { changes: 'streamed' });

/** Values that PostgreSQL's types allow, on artifacts that may be deleted. */
const oddValues = [
  `expire_at = '-infinity'`,
  `expire_at = '0044-03-15 12:00+00 BC'`,
  `expire_at = '0001-01-01 00:00+00'`,
  `expire_at = '1800-01-01 00:00+00'`,
  `size = 9007199254740993`,
  `size = -1`,
];
const endless = `created_at = '-infinity'`;

/** One artifact a value, and one as GitLab writes it. */
async function oddArtifacts(locked: boolean) {
  const scenario = ground();
  const { world } = scenario;
  const pipeline = await world.aPipeline({ locked });
  const anArtifact = async () => world.anArtifact({ build: await world.aBuild({ pipeline }) });
  const change = (what: string, { id }: ArtifactEntry) =>
    scenario.sql(`UPDATE p_ci_job_artifacts SET ${what} WHERE id = $1`, [id]);
  const due = [await anArtifact()];
  for (const value of oddValues) {
    const artifact = await anArtifact();
    await change(value, artifact);
    due.push(artifact);
  }
  const aside = await anArtifact();
  const [row] = await scenario.sql<{ createdAt: string }>(
    'SELECT created_at::text AS "createdAt" FROM p_ci_job_artifacts WHERE id = $1',
    [aside.id],
  );
  await change(endless, aside);
  const mend = () => change(`created_at = '${row!.createdAt}'`, aside);
  due.push(await anArtifact());
  return { pipeline, aside, mend, due };
}

test('odd values are swept, or come by their change; the row that cannot be handled is named and left alone', async () => {
  const scenario = ground();
  const swept = await oddArtifacts(false);
  const settings = { SWEEP_IDLE_MS: '500', SWEEP_FULL_EVERY_MS: '86400000' };
  const producer = scenario.run('expired-artifacts', settings);
  scenario.run('artifact-deleter');
  await scenario.gone(swept.due);
  const changed = await oddArtifacts(true);
  await unlockPipeline(scenario.gitlab, changed.pipeline);
  await scenario.gone(changed.due);
  const named = () => producer.events('row.set-aside').map(({ id, field }) => [id, field]);
  const asides = [swept.aside, changed.aside];
  await until('both are named', () => named().length >= 2);
  expect(named()).toEqual(
    asides.map(({ id, partitionId }) => [`${partitionId}:${id}`, 'created_at']),
  );
  await until('the status names both', async () => {
    const { instances } = await statusOf(scenario, 'expired-artifacts');
    const ids = instances.flatMap(({ setAside }) => setAside.flatMap((rows) => rows.ids));
    return asides.every(({ id }) => ids.includes(`100:${id}`));
  });
  await swept.mend();
  await changed.mend();
  await scenario.gone(asides);
});

test('a build whose end is infinite, ahead or missing is archived when its chunks have settled', async () => {
  const scenario = ground();
  scenario.run('finished-builds');
  scenario.run('trace-archiver', { ARCHIVE_SETTLE_MS: '1000' });
  const traces = await finishedTraces(
    scenario,
    Array.from({ length: 4 }, () => ({ sizeBytes: 5_000 })),
  );
  const ends = [`'infinity'`, `now() + interval '10 years'`, 'NULL', `'-infinity'`];
  for (const [at, { build }] of traces.entries()) {
    await scenario.sql(`UPDATE p_ci_builds SET finished_at = ${ends[at]} WHERE id = $1`, [
      build.id,
    ]);
  }
  await until(
    'they are archived',
    async () => {
      const rows = await scenario.sql(
        `SELECT FROM p_ci_job_artifacts WHERE file_type = 3 AND job_id = ANY ($1)`,
        [traces.map(({ build }) => build.id)],
      );
      return rows.length === traces.length;
    },
    60_000,
  );
  await scenario.caughtUp('trace-archiver', 'builds.finished');
  await expectArchived(scenario, traces);
});
