import { expectArchived, finishedTraces } from '../../support/records/archived-builds';
import type { RunningProcess } from '../../support/scenario/running-process';
import { asSuperuser } from '../../support/stack/stack';
import { statusOf } from '../../support/scenario/status-of';
import { until } from '../../support/until';
import { useScenario } from '../../support/scenario/use-scenario';
import { untilReadiness } from '../../support/scenario/health-pages';

const ground = useScenario(__filename, { changes: 'streamed' });

async function statusSays(name: string, state: string, sentence: RegExp): Promise<void> {
  await until(`status says ${state} of ${name}`, async () => {
    const report = await statusOf(ground(), name);
    return report.state === state && sentence.test(report.sentence);
  });
}

/** @param meanwhile makes work that cannot be read. */
async function withoutPrivilege<T>(
  { sweep, name, doing }: { sweep: RunningProcess; name: string; doing: string },
  privilege: string,
  meanwhile: () => Promise<T>,
): Promise<T> {
  const scenario = ground();
  const change = (statement: string) =>
    asSuperuser(scenario.stack, scenario.scope.database, (client) => client.query(statement));
  scenario.expectError(/"event":"work.stuck".*permission denied/);
  await untilReadiness(sweep, 200, /"causes":\[\],"held":\[\]/);
  await change(`REVOKE ${privilege} FROM afterbuild_reader`);
  const made = await meanwhile();
  await untilReadiness(sweep, 503, new RegExp(`${doing} fails: .*permission denied`));
  await statusSays(name, 'halted', new RegExp(`^halted: ${doing} fails: .*permission denied`));
  await change(`GRANT ${privilege} TO afterbuild_reader`);
  await untilReadiness(sweep, 200, /"causes":\[\],"held":\[\]/);
  await statusSays(name, 'idle', /^idle/);
  return made;
}

test('a sweep of artifacts that loses a privilege is red with the reason, and works when it has it back', async () => {
  const scenario = ground();
  const name = 'expired-artifacts';
  const sweep = scenario.run(name, { HTTP_PORT: '0' });
  scenario.run('artifact-deleter');
  const due = await withoutPrivilege(
    { sweep, name, doing: 'reading a page of due artifacts' },
    'SELECT (expire_at) ON p_ci_job_artifacts',
    () => scenario.world.manyArtifacts({ count: 20 }),
  );
  await scenario.gone(due);
});

test('so is a sweep of builds', async () => {
  const scenario = ground();
  const name = 'finished-builds';
  const sweep = scenario.run(name, { HTTP_PORT: '0', STALE_EVERY_MS: '100' });
  // The first pass after a start repairs, and a pass waits until the archiver has finished the builds of the last one.
  scenario.run('trace-archiver', { ARCHIVE_SETTLE_MS: '0' });
  const traces = await withoutPrivilege(
    { sweep, name, doing: 'reading a page of stale builds' },
    'SELECT (build_id) ON ci_build_trace_chunks',
    () => finishedTraces(scenario, Array(5).fill({ sizeBytes: 1_000 })),
  );
  const passes = () => sweep.events('stale.pass-complete').length;
  const before = passes();
  await until('another pass is complete', () => passes() > before);
  await scenario.caughtUp('trace-archiver', 'builds.finished');
  await expectArchived(scenario, traces);
});
