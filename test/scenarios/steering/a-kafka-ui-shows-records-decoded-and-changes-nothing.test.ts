import type { Page } from 'playwright-core';
import { topicNames } from '../../../lib/kafka/topics/topics';
import { createFetchLines } from '../../../ops/local/fetch/fetch-progress';
import { addKafkaUi } from '../../../ops/local/add-kafka-ui';
import { attachStack } from '../../../ops/local/stack/running-stack';
import { ExpiredRecords } from '../../support/records/expired-records';
import { openBrowser } from '../../support/scenario/browser';
import { operatorProduces } from '../../support/scenario/operator-actions';
import { useScenario } from '../../support/scenario/use-scenario';

const ground = useScenario(__filename, { changes: 'none' });

afterAll(() => attachStack(ground().stack.dataDir).servers.kafkaUi?.stop());

/** Chooses the topic, and loads its records from the beginning. */
async function open(page: Page, topic: string): Promise<void> {
  const choice = page.getByRole('combobox').first();
  await choice.click();
  await choice.fill(topic);
  await page.getByRole('option', { name: topic, exact: true }).click();
  await page.getByText('From beginning').click();
  await page.getByRole('button', { name: 'Load Messages' }).click();
}

test('stack up --kafka-ui: a topic opens decoded, beside a damaged record, and no group is made', async () => {
  const scenario = ground();
  const { dataDir } = scenario.stack;
  const records = new ExpiredRecords(scenario);
  const artifact = await scenario.world.anArtifact({ expireInMs: 86_400_000 });
  const value = await records.encode(await records.of(artifact));
  const topic = scenario.named(topicNames.artifactsExpired);
  await operatorProduces(scenario, topicNames.artifactsExpired, [
    { key: 'whole', value },
    { key: 'damaged', value: Buffer.from('no Avro') },
  ]);
  const groups = () => scenario.asOperator(async (admin) => (await admin.listGroups()).groups);
  const before = await groups();

  const lines = createFetchLines((line) => void process.stderr.write(`${line}\n`));
  const address = await addKafkaUi(dataDir, lines);
  expect(await addKafkaUi(dataDir, lines)).toBe(address);
  expect(address).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);

  const browser = await openBrowser();
  try {
    const page = await browser.newPage();
    const foreign: string[] = [];
    page.on('request', (request) => {
      if (new URL(request.url()).host !== new URL(address).host) foreign.push(request.url());
    });
    await page.goto(address);
    await page.getByText('Status: Connected').waitFor({ timeout: 120_000 });
    await open(page, topic);
    await page.getByText('partition=').first().waitFor({ timeout: 60_000 });
    // Each record has a part of its own, which is closed.
    const shown = page.locator('details');
    await shown.filter({ hasText: '"fileFinalPath"' }).waitFor({ state: 'attached' });
    await shown.filter({ hasText: 'damaged' }).waitFor({ state: 'attached' });
    expect(foreign).toEqual([]);
  } finally {
    await browser.close();
  }
  expect(await groups()).toEqual(before);
});
