import type { TopicPlan } from '../../../lib/kafka/topics/topic-plan';
import { topicNames } from '../../../lib/kafka/topics/topics';
import { operatorProduces } from '../../support/scenario/operator-actions';
import { recordsOf } from '../../support/scenario/dlq-command';
import { statusOf } from '../../support/scenario/status-of';
import { useScenario } from '../../support/scenario/use-scenario';

const ground = useScenario(__filename, { changes: 'streamed' });

const { artifactsExpired, artifactChanges } = topicNames;
const quick = { KAFKA_METADATA_MAX_AGE_MS: '2000', SWEEP_PAGE_ROWS: '2' };
const sixteen = { TOPIC_PARTITIONS: `${artifactsExpired}=16,${artifactChanges}=16` };

test('12 partitions become 16 under running processes, and all is read without a restart', async () => {
  const scenario = ground();
  const { world } = scenario;
  const planOf = async (code: number, settings: Readonly<Record<string, string>>) => {
    const { noise } = await scenario.command(
      ['topics', 'plan', '--json'],
      'reader',
      code,
      settings,
    );
    return JSON.parse(noise.join('\n')) as TopicPlan[];
  };
  const grown = (plans: readonly TopicPlan[]) =>
    plans.filter(({ partitions }) => partitions === 16).map(({ topic, action }) => [topic, action]);
  const processes = [
    scenario.run('expired-artifacts', quick),
    scenario.run('artifact-deleter', quick),
    scenario.run('artifact-deleter', quick),
  ];
  const before = await world.manyArtifacts({ count: 12 });
  await scenario.gone(before);

  expect(
    (await planOf(0, sixteen))
      .map(({ action }) => action)
      .toSorted()
      .slice(0, 3),
  ).toEqual(['grow', 'grow', 'keep']);
  await scenario.command(['topics', 'apply', '--grow'], 'reader', 0, sixteen);
  const due = await world.manyArtifacts({ count: 48 });
  await scenario.gone(due);

  // Connect finds them within five minutes; until then its earlier records stand in for the later ones.
  const [change] = await recordsOf(scenario, artifactChanges);
  const { key, value } = change!;
  await operatorProduces(scenario, artifactChanges, [{ key, value, partition: 13 }]);
  await scenario.caughtUp('expired-artifacts', artifactChanges);
  await scenario.caughtUp('artifact-deleter', artifactsExpired);
  const ends = await scenario.topics.ends(scenario.named(artifactsExpired));
  expect(ends.slice(12).some(({ highWatermark }) => highWatermark > 0)).toBe(true);
  expect(await statusOf(scenario, 'expired-artifacts')).toMatchObject({ recordsLeft: 0 });
  expect(processes.map(({ exit }) => exit)).toEqual([undefined, undefined, undefined]);

  const after = await planOf(0, {});
  expect(grown(after).toSorted()).toEqual(
    [artifactsExpired, artifactChanges].map((name) => [scenario.named(name), 'keep']).toSorted(),
  );
  const { noise } = await scenario.command(['topics', 'plan'], 'reader', 0, sixteen);
  expect(noise.filter((line) => !line.startsWith('remark'))).toHaveLength(after.length);

  // A compacted topic would lose its keys' latest values.
  const progress = { TOPIC_PARTITIONS: `${topicNames.progress}=16` };
  const refused = await scenario.command(['topics', 'apply', '--grow'], 'reader', 3, progress);
  expect(refused.tail()).toMatch(/afterbuild\.progress stays at 12 partitions: .* never grows/);

  await scenario.command(['flags', 'get']);
  const { groups } = await scenario.asOperator((admin) => admin.listGroups());
  expect(groups.filter(({ groupId }) => groupId.includes('afterbuild-cli'))).toEqual([]);
});
