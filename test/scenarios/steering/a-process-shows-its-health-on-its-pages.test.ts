import type { ArtifactEntry } from '../../../ops/gitlab/ledger';
import type { RunningProcess } from '../../support/scenario/running-process';
import { useScenario } from '../../support/scenario/use-scenario';
import { readFile } from '../../support/stack/stack';
import { until } from '../../support/until';
import { ask, metricOf, untilReadiness } from '../../support/scenario/health-pages';

const ground = useScenario(__filename, { changes: 'none' });

let sweep: RunningProcess;
let deleter: RunningProcess;
let artifacts: readonly ArtifactEntry[];

beforeAll(async () => {
  artifacts = await ground().world.manyArtifacts({ count: 300 });
  sweep = ground().run('expired-artifacts', { HTTP_PORT: '0' });
  deleter = ground().run('artifact-deleter', { HTTP_PORT: '0', DELETE_ROWS_MAX: '50' });
  await ground().gone(artifacts);
  await ground().caughtUp('artifact-deleter', 'artifacts.expired');
});

test('at work it is alive and ready, and stays so without work', async () => {
  for (const process of [sweep, deleter]) {
    await untilReadiness(process, 200, /"causes":\[\]/);
    expect(await ask(process, '/livez')).toEqual({ status: 200, text: '{"alive":true}\n' });
    expect(await metricOf(process, 'afterbuild_ready')).toBe(1);
    expect(await metricOf(process, 'process_resident_memory_bytes')).toBeGreaterThan(0);
  }
  expect((await ask(deleter, '/')).status).toBe(404);
});

test('its metrics say what the stores say', async () => {
  const withObject = artifacts.filter(({ key }) => key !== null).length;
  const rows = await metricOf(deleter, 'afterbuild_artifact_rows_total', /fate="deleted"/);
  expect(rows).toBe(artifacts.length);
  expect(await metricOf(deleter, 'afterbuild_artifact_objects_deleted_total')).toBe(withObject);
  const topic = new RegExp(`topic="${ground().named('artifacts.expired')}"`);
  const produced = await metricOf(sweep, 'afterbuild_produced_records_total', topic);
  expect(produced).toBeGreaterThan(0);
  for (const nothing of ['unfinished_records', 'unfinished_seconds', 'buffered_bytes']) {
    await until(`${nothing} is 0`, async () => {
      return (await metricOf(deleter, `afterbuild_${nothing}`, topic)) === 0;
    });
  }
});

test('its log has one line a micro-batch, which together name each artifact once', () => {
  const lines = deleter.events('artifacts.deleted');
  const sum = (field: string) => lines.reduce((total, line) => total + Number(line[field]), 0);
  expect([sum('asked'), sum('deleted')]).toEqual([artifacts.length, artifacts.length]);
  expect(lines.every(({ records }) => Number(records) >= 1)).toBe(true);
});

test('its log and its pages hold no payload and no secret', async () => {
  const pages = await Promise.all(
    ['/metrics', '/readyz'].flatMap((path) => [ask(sweep, path), ask(deleter, path)]),
  );
  const said = [
    ...[...sweep.lines, ...deleter.lines].map((line) => JSON.stringify(line)),
    ...pages.map(({ text }) => text),
  ].join('\n');
  const files = Object.entries(ground().environment('deleter'));
  const secrets = files
    .filter(([name]) => /(PASSWORD|SECRET|KEY_ID).*_FILE$/.test(name))
    .map(([, path]) => readFile(path));
  expect(secrets.length).toBeGreaterThan(3);
  const payload = artifacts.flatMap(({ key }) => key ?? []);
  expect([...secrets, ...payload].filter((text) => said.includes(text))).toEqual([]);
});
