import { topicNames } from '../../../lib/kafka/topics/topics';
import { operatorProduces } from '../../support/scenario/operator-actions';
import { dlq } from '../../support/scenario/dlq-command';
import { ExpiredRecords } from '../../support/records/expired-records';
import { useScenario } from '../../support/scenario/use-scenario';
import { until } from '../../support/until';

const ground = useScenario(__filename, { changes: 'none' });

const ours = ['--group', 'artifact-deleter', '--json'] as const;
const secret = Buffer.from('no-avro-at-all');

test('a redrive of unrepaired poison ends with its canary, and the group goes on', async () => {
  const scenario = ground();
  const deleter = scenario.run('artifact-deleter');
  const waiting = async (count: number): Promise<boolean> => {
    const { json } = await dlq(scenario, 'list', ...ours);
    const [topic] = json as { waiting: number }[];
    if (topic?.waiting === count) return true;
    throw new Error(`${topic?.waiting ?? 'none'} wait`);
  };
  for (const partition of [0, 4, 8]) {
    const record = { partition, key: `100:${partition}`, value: secret };
    await operatorProduces(scenario, topicNames.artifactsExpired, [record]);
  }
  await until('three dead letters wait', () => waiting(3));

  const redriven = await dlq(scenario, 'redrive', ...ours, '--yes', '--canary');
  expect(redriven).toMatchObject({
    code: 1,
    json: { topics: [{ planned: 3, redriven: 1, canary: 'returned', returned: 1 }] },
  });
  const { json: after } = await dlq(scenario, 'list', ...ours);
  expect(after).toMatchObject([{ waiting: 3, redriven: 1, causes: [{ reason: 'wire-format' }] }]);
  const { json: shown } = await dlq(scenario, 'show', ...ours, '--partition', '0');
  expect(shown).toMatchObject([
    { redriveCount: 1, key: '100:0', origin: { partition: 0, offset: 1 }, attempts: 1 },
  ]);

  const guarded = await dlq(scenario, 'redrive', ...ours, '--redrives-max', '1');
  expect(guarded.json).toMatchObject({ topics: [{ planned: 2, refused: [{ partition: 0 }] }] });
  const why = ['--why', 'written by nobody of ours'] as const;
  expect(await dlq(scenario, 'park', ...ours, ...why, '--yes')).toMatchObject({ code: 0 });
  expect(await waiting(0)).toBe(true);

  const records = new ExpiredRecords(scenario);
  const artifact = await scenario.world.anArtifact();
  const value = await records.encode(await records.of(artifact));
  await operatorProduces(scenario, topicNames.artifactsExpired, [
    { partition: 0, key: '1:1', value },
  ]);
  await scenario.gone([artifact]);
  expect((await deleter.stop()).code).toBe(0);
});
