import { durabilityOf } from './durability';
import { planTopic as planOn, settingsOf, type ExistingTopic } from './topic-plan';
import { topics, type TopicDefinition } from './topics';

const events = topics.find(({ name }) => name === 'artifacts.expired')!;
const state = topics.find(({ name }) => name === 'afterbuild.progress')!;
const asPlanned = (definition: typeof events) => ({
  partitions: definition.partitions,
  replicas: 3,
  settings: { ...settingsOf(definition), 'min.insync.replicas': '2' },
});
const planTopic = (definition: TopicDefinition, topic: string, existing: ExistingTopic | null) =>
  planOn(definition, topic, existing, durabilityOf(3, {}));

test('a missing topic is created as it is defined', () => {
  const plan = planTopic(events, 'a.artifacts.expired', null);
  expect(plan).toMatchObject({ action: 'create', topic: 'a.artifacts.expired', partitions: 12 });
  expect(plan.settings).toMatchObject({ 'retention.ms': '2592000000', 'cleanup.policy': 'delete' });
  expect(plan.settings).toMatchObject({ 'compression.type': 'producer' });
  expect(plan.settings).toMatchObject({ 'message.timestamp.type': 'LogAppendTime' });
});

test('a topic of failures takes what only just fitted the topic that it comes from', () => {
  const letters = topics.find(({ name }) => name.endsWith('.dlq'))!;
  expect(settingsOf(letters)['max.message.bytes']).toBe('16777216');
  expect(settingsOf(events)).not.toHaveProperty('max.message.bytes');
});

test("Debezium's events keep the time of their change", () => {
  const changes = topics.find(({ name }) => name.startsWith('cdc.'))!;
  expect(settingsOf(changes)).not.toHaveProperty('message.timestamp.type');
});

test.each([events, state])('$name as it was created is kept', (definition) => {
  const plan = planTopic(definition, definition.name, asPlanned(definition));
  expect(plan).toMatchObject({ action: 'keep', problems: [] });
});

test.each([
  [{ 'retention.ms': '604800000' }, /raise retention\.ms to 2592000000/],
  [{ 'retention.bytes': '1000' }, /set retention\.bytes to -1/],
  [{ 'cleanup.policy': 'compact' }, /set cleanup\.policy to delete/],
  [{ 'compression.type': 'snappy' }, /"snappy" is not readable/],
])('an event topic with %j is refused', (changed, problem) => {
  const existing = asPlanned(events);
  const plan = planTopic(events, 'artifacts.expired', {
    ...existing,
    settings: { ...existing.settings, ...changed },
  });
  expect(plan.problems).toEqual([expect.stringMatching(problem)]);
});

test('an unlimited retention is long enough', () => {
  const existing = asPlanned(events);
  const settings = { ...existing.settings, 'retention.ms': '-1' };
  expect(planTopic(events, 'x', { ...existing, settings }).problems).toEqual([]);
});

test('a topic of work with fewer partitions may grow, one with more is kept as it is', () => {
  const plan = (partitions: number) =>
    planTopic(events, 'artifacts.expired', { ...asPlanned(events), partitions });
  expect(plan(6)).toMatchObject({ action: 'grow', partitions: 6, partitionsWanted: 12 });
  expect(plan(16)).toMatchObject({ action: 'keep', partitions: 16, partitionsWanted: 12 });
  expect([plan(6), plan(16)].flatMap(({ problems }) => problems)).toEqual([]);
});

test.each([
  [
    'afterbuild.progress',
    16,
    /^x has 16 partitions instead of 12: it is compacted and never grows/,
  ],
  ['afterbuild.stale-progress', 6, /^x stays at 6 partitions: .*\(afterbuild\.stale-progress=6\)/],
  ['afterbuild.control', 2, /^x has 2 partitions instead of 1: make it anew/],
  ['afterbuild.status', 2, /make it anew/],
])('%s with %d partitions is refused: keys lie elsewhere', (name, partitions, problem) => {
  const definition = topics.find((topic) => topic.name === name)!;
  const plan = planTopic(definition, 'x', { ...asPlanned(definition), partitions });
  expect(plan).toMatchObject({ action: 'unfit', problems: [expect.stringMatching(problem)] });
});

test('what is acknowledged by one replica of several is refused', () => {
  const existing = asPlanned(events);
  const settings = { ...existing.settings, 'min.insync.replicas': '1' };
  const plan = planTopic(events, 'x', { ...existing, settings });
  expect(plan).toMatchObject({ action: 'unfit', replicas: 3, minInsyncReplicas: 1 });
  expect(plan.problems).toEqual([expect.stringMatching(/set min\.insync\.replicas to 2/)]);
});
