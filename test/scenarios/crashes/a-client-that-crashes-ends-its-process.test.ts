import { ConfigResourceTypes } from 'kafkajs';
import { operatorProduces } from '../../support/scenario/operator-actions';
import { useScenario } from '../../support/scenario/use-scenario';
import { until } from '../../support/until';

const ground = useScenario(__filename, { changes: 'none' });

test('a fatal crash of the client, here a codec that it lacks, ends the process with a code of its own', async () => {
  const scenario = ground();
  const topic = 'artifacts.expired';
  const configEntries = [{ name: 'compression.type', value: 'lz4' }];
  const resource = { type: ConfigResourceTypes.TOPIC, name: scenario.named(topic), configEntries };
  await scenario.asOperator((admin) =>
    admin.alterConfigs({ validateOnly: false, resources: [resource] }),
  );
  scenario.expectError(/LZ4 compression not implemented/);
  const deleter = scenario.run('artifact-deleter');
  deleter.mayFail = true;
  await deleter.logged('process.started');
  await operatorProduces(scenario, topic, [
    { key: 'any', value: Buffer.from('text '.repeat(100)) },
  ]);
  await until('the process ends by itself', () => deleter.exit !== undefined);
  expect(deleter.exit).toEqual({ code: 1, signal: null });
  const [last] = deleter.events('process.failed');
  expect(last).toMatchObject({ level: 'fatal', exitCode: 1 });
  expect(last?.msg).toMatch(/LZ4/);
});
