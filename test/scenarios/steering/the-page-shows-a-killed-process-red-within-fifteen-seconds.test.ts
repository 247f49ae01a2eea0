import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { topicNames } from '../../../lib/kafka/topics/topics';
import { projectRoot } from '../../../lib/process/root';
import { deadLetterByHand } from '../../support/scenario/dlq-command';
import { operatorProduces } from '../../support/scenario/operator-actions';
import { openBrowser } from '../../support/scenario/browser';
import type { RunningProcess } from '../../support/scenario/running-process';
import { ExpiredRecords } from '../../support/records/expired-records';
import { useScenario } from '../../support/scenario/use-scenario';
import { until } from '../../support/until';

const ground = useScenario(__filename, { changes: 'streamed' });

/** Inserted as HTML it would change the page's title; as text it stays what it is. */
const markup = `<b id="forged">bold</b><img src="/nothing" onerror="document.title='forged'">`;
const place = { topic: topicNames.artifactsExpired, group: 'artifact-deleter' };

let browser: Browser;
let page: Page;
let url: string;
let killed: RunningProcess;
const refused: string[] = [];

/** Written only on request (AFTERBUILD_PICTURES=1): each run would make other pictures. */
async function picture(name: string, schemes: readonly ('light' | 'dark')[]): Promise<void> {
  if (process.env['AFTERBUILD_PICTURES'] === undefined) return;
  for (const colorScheme of schemes) {
    await page.emulateMedia({ colorScheme });
    const path = join(projectRoot, 'docs/images', `${name}-${colorScheme}.png`);
    await page.screenshot({ path, animations: 'disabled' });
  }
}

const card = (process: string) => page.locator(`article[data-process="${process}"]`);
const severityOf = (process: string) => card(process).getAttribute('data-severity');

beforeAll(async () => {
  const scenario = ground();
  killed = scenario.run('artifact-deleter');
  const processes = [
    killed,
    scenario.run('artifact-deleter'),
    scenario.run('expired-artifacts'),
    scenario.run('finished-builds'),
    scenario.run('trace-archiver'),
  ];
  const ui = scenario.startCommand(['ui', '--json'], { UI_PORT: '0', UI_SHOW_VALUES: 'true' });
  await Promise.all(processes.map((process) => process.logged('process.started')));
  await until('the page is served', () => ui.noise.join('').includes('"url"'));
  ({ url } = JSON.parse(ui.noise.join('')) as { url: string });
  browser = await openBrowser();
  page = await browser.newPage({ viewport: { width: 1240, height: 980 } });
  page.on('request', (request) => {
    if (!request.url().startsWith(url)) refused.push(request.url());
  });
  page.on('pageerror', (error) => refused.push(String(error)));
  await page.goto(url);
}, 240_000);

afterAll(() => browser.close());

test('each process is shown with its state, its work left and who holds its partitions', async () => {
  const scenario = ground();
  await scenario.gone(await scenario.world.manyArtifacts({ count: 300 }));
  for (const name of [
    'artifact-deleter',
    'expired-artifacts',
    'finished-builds',
    'trace-archiver',
  ]) {
    await until(`${name} is green`, async () => (await severityOf(name)) === 'good');
  }
  const deleter = card('artifact-deleter');
  await until('both deleters hold partitions', async () => {
    const rows = await deleter.locator('details').first().locator('tbody tr').allInnerTexts();
    return rows.length === 2 && rows.every((row) => row.includes('artifacts.expired'));
  });
  await until('nothing is left', async () =>
    (await deleter.innerText()).includes('nothing is left'),
  );
  expect(await deleter.innerText()).toMatch(/Both agree: no record/);
  expect(await page.locator('#flow').textContent()).toContain('artifacts.expired');
});

test('a killed process is red within fifteen seconds, with the cause', async () => {
  killed.mayFail = true;
  const atMs = Date.now();
  killed.kill('SIGKILL');
  const row = card('artifact-deleter').locator('tr[data-severity="bad"]');
  await until('the killed process is red', async () => (await row.count()) === 1, 15_000);
  expect(Date.now() - atMs).toBeLessThan(15_000);
  expect(await row.innerText()).toContain(`-${killed.pid}`);
  expect(await card('artifact-deleter').innerText()).toMatch(/1 of 2 instances is gone/);
  // What a screen reader says.
  expect(await page.locator('#news').textContent()).toMatch(/artifact-deleter: .*gone/);
  await deadLetterByHand(
    ground(),
    place,
    { key: '100:1', value: Buffer.from('x') },
    { partition: 0 },
  );
  await until('the dead letter is shown with its reason', async () =>
    /dlq.*1.*transient Error/s.test(await page.locator('#failed').innerText()),
  );
  await picture('overview', ['light', 'dark']);
});

test('hostile keys, headers and values stay text, and a damaged record spoils no other', async () => {
  const scenario = ground();
  const records = new ExpiredRecords(scenario);
  const artifact = await scenario.world.anArtifact();
  const value = await records.encode(await records.of(artifact));
  const topic = `${place.topic}.${place.group}.parked`;
  const headers = { [markup]: markup, 'x-login-token': 'hunter2' };
  await operatorProduces(scenario, topic, [
    { partition: 0, key: markup, value, headers },
    { partition: 0, key: markup, value: Buffer.from(markup) },
    { partition: 0, key: 'other', value },
  ]);
  const query = new URLSearchParams({ topic: scenario.named(topic), key: '<b id=' });
  await page.goto(`${url}topics?${query.toString()}`);
  const shown = page.locator('#records > li');
  await until('the records are shown', async () => (await shown.count()) === 2);
  const text = await page.locator('#records').innerText();
  expect(text.split(markup).length).toBeGreaterThanOrEqual(4);
  expect(text).toMatch(/Damaged\s+value: The record is not in Confluent's wire format/);
  expect(text).toContain(`"id": ${artifact.id}`);
  expect(text).not.toContain('hunter2');
  expect(await page.locator('#forged, #records img').count()).toBe(0);
  expect(await page.title()).toBe('Topics of afterbuild');
  await picture('topics', ['light']);
});

test('the page asks nobody else, runs no foreign script, and a keyboard reaches everything', async () => {
  expect(refused).toEqual([]);
  const answer = await page.request.get(url);
  expect(answer.headers()['content-security-policy']).toMatch(
    /^default-src 'none'; script-src 'self'/,
  );
  for (const method of ['post', 'put', 'delete'] as const) {
    expect((await page.request[method](`${url}api/state`)).status()).toBe(404);
  }
  const forged = await page.request.get(`${url}api/state`, { headers: { host: 'evil.example' } });
  expect(forged.status()).toBe(404);
  await page.goto(url);
  await page.keyboard.press('Tab');
  expect(await page.evaluate('document.activeElement.textContent')).toBe('Skip to the processes');
});
