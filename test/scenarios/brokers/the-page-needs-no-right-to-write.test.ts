import { topicNames } from '../../../lib/kafka/topics/topics';
import { createKafka } from '../../../lib/kafka/kafkajs/create-kafka';
import { createProducer } from '../../../lib/kafka/producer';
import { connectionSchema, loadConfig } from '../../../lib/process/config';
import { createLogger } from '../../../lib/process/logger';
import type { PageState } from '../../../cli/ui/page-state';
import { useScenario } from '../../support/scenario/use-scenario';
import { until } from '../../support/until';

const ground = useScenario(__filename, { changes: 'none' });

test('with the rights of its row alone the page reads everything, and its login cannot write', async () => {
  const scenario = ground();
  const deleter = scenario.run('artifact-deleter');
  await deleter.logged('process.started');
  const own = scenario.environment('reader', 'page');
  const ui = scenario.startCommand(['ui', '--json'], { ...own, UI_PORT: '0' });
  await until('the page is served', () => ui.noise.join('').includes('"url"'));
  const { url } = JSON.parse(ui.noise.join('')) as { url: string };
  const ask = async <T>(path: string): Promise<T> =>
    (await (await fetch(`${url}${path}`)).json()) as T;

  await until('the deleter is shown as the holder of its partitions', async () => {
    const { processes, problems } = await ask<PageState>('api/state');
    const shown = processes.find(({ process }) => process === 'artifact-deleter');
    expect(problems).toEqual([]);
    expect(shown?.partitions.filter(({ holder }) => holder === null)).toEqual([]);
    return shown?.severity === 'good';
  });
  const topics = await ask<{ topic: string; records: number | null }[]>('api/topics');
  expect(topics.length).toBeGreaterThan(20);
  expect(topics.filter(({ records }) => records === null)).toEqual([]);
  const topic = scenario.named(topicNames.status);
  const found = await ask<{ records: unknown[]; problems: unknown[] }>(
    `api/records?topic=${topic}`,
  );
  expect([found.records.length > 0, found.problems]).toEqual([true, []]);

  const config = loadConfig(connectionSchema, own);
  const producer = createProducer(createKafka(config, 'page', createLogger('page', 'silent')));
  await producer.connect();
  const record = { topic: scenario.named(topicNames.control), key: 'flag/all/pause', value: null };
  await expect(producer.send([record])).rejects.toThrow(/not authorized|refuses|authorization/i);
  await producer.disconnect();
});
