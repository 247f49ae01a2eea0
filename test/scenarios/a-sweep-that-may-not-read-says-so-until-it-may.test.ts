import type { RunningProcess } from '../support/running-process';
import { asSuperuser } from '../support/stack';
import { chunkedBuilds, withoutChunks } from '../support/stale-builds';
import { statusOf } from '../support/status-of';
import { until } from '../support/until';
import { useScenario } from '../support/use-scenario';
import { untilReadiness } from '../support/vital-signs';

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
  await withoutPrivilege(
    { sweep, name, doing: 'reading a page of stale builds' },
    'SELECT (build_id) ON ci_build_trace_chunks',
    () => chunkedBuilds(scenario, { count: 20 }),
  );
  await sweep.logged('stale.produced');
  await withoutChunks(scenario);
});
