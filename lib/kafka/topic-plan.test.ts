import { planTopic, settingsOf } from './topic-plan';
import { topics } from './topics';

const events = topics.find(({ name }) => name === 'artifacts.expired')!;
const state = topics.find(({ name }) => name === 'afterbuild.progress')!;
const asPlanned = (definition: typeof events) => ({
  partitions: definition.partitions,
  settings: settingsOf(definition),
});

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

test('another number of partitions is refused: keys would lie elsewhere', () => {
  const plan = planTopic(events, 'artifacts.expired', { ...asPlanned(events), partitions: 6 });
  expect(plan.problems).toEqual([expect.stringMatching(/has 6 partitions instead of 12/)]);
});
