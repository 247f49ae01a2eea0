import { unlockArtifacts } from '../../../ops/gitlab/changes';
import { report } from '../../support/faults';
import type { ProcessName } from '../../../lib/process/processes';
import { statusOf } from '../../support/scenario/status-of';
import { useScenario } from '../../support/scenario/use-scenario';
import { asSuperuser } from '../../support/stack/stack';
import { until } from '../../support/until';

const ground = useScenario(__filename, { changes: 'streamed' });
const producers: readonly ProcessName[] = ['expired-artifacts', 'finished-builds'];

const alter = (text: string): Promise<unknown> => {
  const { stack, scope } = ground();
  return asSuperuser(stack, scope.database, (client) =>
    client.query(`ALTER PUBLICATION afterbuild ${text}`),
  );
};

const says = (what: RegExp) => async () => {
  for (const name of producers) {
    const { sentence } = await statusOf(ground(), name);
    if (!what.test(sentence)) throw new Error(sentence);
  }
  return true;
};

test('tables that leave the publication are named within a minute, and a sweep repairs what they missed', async () => {
  const scenario = ground();
  const [sweep, builds] = producers.map((name) => scenario.run(name, { HTTP_PORT: '0' }));
  scenario.run('artifact-deleter');
  // A stale pass waits for it.
  scenario.run('trace-archiver');
  const artifacts = await scenario.world.manyArtifacts({
    ...{ count: 20, expireInMs: -86_400_000, locked: 1 },
  });
  const swept = await scenario.world.manyArtifacts({ count: 5, expireInMs: -86_400_000 });
  await scenario.gone(swept);
  await sweep!.logged('full.complete');
  await scenario.command(['connect', 'status'], 'cdc');

  const sinceMs = Date.now();
  await alter('DROP TABLE p_ci_builds, p_ci_job_artifacts');
  await unlockArtifacts(scenario.gitlab, artifacts);
  const lost = (line: object) => /does not hold/.test(JSON.stringify(line));
  await Promise.all([sweep!.logged('cdc.unwell', lost), builds!.logged('cdc.unwell', lost)]);
  const toldAfterMs = Date.now() - sinceMs;
  expect(toldAfterMs).toBeLessThan(60_000);
  await until('status says so', says(/^halted: changes may not arrive: .*does not hold/));
  const { port } = await sweep!.logged('http.listening');
  const ready = await fetch(`http://127.0.0.1:${String(port)}/readyz`);
  expect([ready.status, await ready.text()]).toEqual([
    503,
    expect.stringContaining('does not hold'),
  ]);
  const { noise } = await scenario.command(['connect', 'status'], 'cdc', 1);
  expect(noise.join('\n')).toMatch(/problem .*does not hold the table public\.p_ci_builds/);
  await scenario.expectKept(artifacts);

  await alter(`ADD TABLE
    p_ci_builds (id, partition_id, project_id, type, status, finished_at, erased_at),
    p_ci_job_artifacts (id, partition_id, project_id, job_id, file_type, size, created_at, expire_at,
      file, file_store, file_location, file_final_path, locked)`);
  await scenario.gone(artifacts);
  await sweep!.logged('full.begun', lost);
  await builds!.logged('stale.repair-begun', lost);
  report('tables left the publication', { toldAfterMs });
}, 240_000);

test('what an operator set on the connector beside the file is kept by connect apply, and named', async () => {
  const scenario = ground();
  const url = `${scenario.stack.addresses.connectUrl}/connectors/${scenario.slot}/config`;
  const config = async () => (await (await fetch(url)).json()) as Record<string, string>;
  const own = { 'database.sslmode': 'disable', 'slot.failover': 'true' };
  const headers = { 'content-type': 'application/json' };
  const body = JSON.stringify({ ...(await config()), ...own });
  expect((await fetch(url, { method: 'PUT', headers, body })).ok).toBe(true);
  const { noise } = await scenario.command(['connect', 'apply'], 'cdc');
  expect(noise.join('\n')).toMatch(
    /kept, though not in the file: database\.sslmode, slot\.failover/,
  );
  expect(await config()).toMatchObject(own);
}, 240_000);
