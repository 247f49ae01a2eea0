import { topicNames } from '../../../lib/kafka/topics/topics';
import { operatorProduces, stepOver } from '../../support/scenario/operator-actions';
import { commitAgain } from '../../support/scenario/commits-again';
import { inFull, lasts } from '../../support/faults';
import { statusOfAll, useFaults } from '../../support/scenario/under-faults';
import { until } from '../../support/until';
import { useScenario } from '../../support/scenario/use-scenario';
import { untilReadiness } from '../../support/scenario/health-pages';

const ground = useScenario(__filename, { changes: 'streamed' });
const under = useFaults(ground, { settings: { KAFKA_METADATA_MAX_AGE_MS: '5000' } });

const { artifactsExpired, artifactChanges, buildChanges, buildsFinished } = topicNames;

test(
  'a broker that stays away is missed by nobody',
  async () => {
    const { brokers, processes } = under();
    const { now: coordinator } = await brokers.coordinatorOf(ground().named('trace-archiver'));
    await coordinator.server.kill();
    const awayAtMs = Date.now();
    await commitAgain('broker away', processes, awayAtMs);
    await lasts(inFull(600_000, 30_000) - (Date.now() - awayAtMs));
    await commitAgain('broker still away', processes, Date.now());
    await coordinator.server.start();
    await commitAgain('broker back', processes, Date.now());
    await brokers.untilInSync();
  },
  inFull(1_200_000, 300_000),
);

test('a record with an unknown schema id holds its lane, and all groups go on', async () => {
  const { processes, restart } = under();
  const scenario = ground();
  scenario.expectError(/lane holds/);
  const value = Buffer.from(`0005f5e0ff${'00'.repeat(9)}`, 'hex');
  await operatorProduces(scenario, artifactsExpired, [{ partition: 7, key: '100:1', value }]);
  const deleter = processes.find(({ name }) => name === 'artifact-deleter')!;
  const line = await deleter.logged('lane.stuck');
  expect((line['err'] as Error).message).toMatch(/no usable schema with id 99999999/);
  const named = /artifacts\.expired\/7 is halted: .*99999999/;
  await untilReadiness(deleter, 503, named);
  await until('status says so, too', async () =>
    (await statusOfAll(scenario)).some(({ sentence }) => /^halted: .*99999999/.test(sentence)),
  );
  await commitAgain('a lane holds', processes, Date.now());
  // Only an operator's tool skips it: the group must have no members meanwhile.
  const bad = [{ partition: 7, offset: Number(line['offset']) }];
  await restart('artifact-deleter', () =>
    stepOver(scenario, 'artifact-deleter', artifactsExpired, bad),
  );
});

test('partitions are added to every topic of work, and are read within a minute', async () => {
  const { processes } = under();
  const scenario = ground();
  const grown = [artifactsExpired, artifactChanges, buildChanges, buildsFinished];
  const TOPIC_PARTITIONS = grown.map((name) => `${name}=15`).join(',');
  await scenario.command(['topics', 'apply', '--grow'], 'reader', 0, { TOPIC_PARTITIONS });
  const grownAtMs = Date.now();
  await commitAgain('partitions added', processes, grownAtMs);
  const group = scenario.named('artifact-deleter');
  await until('added partitions are committed', async () => {
    const committed = await scenario.topics.committed(group, scenario.named(artifactsExpired));
    return committed.some(({ partition, offset }) => partition >= 12 && offset > 0);
  });
  expect(Date.now() - grownAtMs).toBeLessThan(60_000);
});
