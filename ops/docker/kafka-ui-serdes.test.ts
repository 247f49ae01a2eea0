import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { failureGroups, topics, topicNames } from '../../lib/kafka/topics/topics';
import { projectRoot } from '../../lib/process/root';
import { readSerdeSettings, serdeOf } from './kafka-ui-serdes';
import { readCompose } from './read-compose';

const { environment } = readCompose(
  readFileSync(join(projectRoot, 'docker-compose.yml'), 'utf8'),
).get('kafka-ui')!;
const settings = readSerdeSettings(environment);

const changeTopics: readonly string[] = [topicNames.artifactChanges, topicNames.buildChanges];
/** Records of `cdc.*` go to these with the key that they came with. */
const withChangeKeys = failureGroups
  .filter(({ topic }) => changeTopics.includes(topic))
  .flatMap(({ topic }) => topics.filter(({ name }) => name.startsWith(topic)))
  .map(({ name }) => name);

/** Nobody registers a subject for dead letters, parked records and retries. */
const hasSubject = (name: string, schema: string | null): boolean =>
  schema !== null || changeTopics.includes(name);

test.each(topics.map(({ name, schema }) => [name, schema] as const))(
  'Kafbat opens %s decoded at the first click',
  (name, schema) => {
    const topic = { name, hasSubject: hasSubject(name, schema) };
    expect({
      key: serdeOf(settings, topic, 'key'),
      value: serdeOf(settings, topic, 'value'),
    }).toEqual({
      key: withChangeKeys.includes(name) ? 'SchemaRegistry' : 'String',
      value: 'SchemaRegistry',
    });
  },
);

test("change capture's dead letters and heartbeats have Avro keys, Connect's own topics text", () => {
  expect(withChangeKeys).toHaveLength(6);
  const keyOf = (name: string) => serdeOf(settings, { name, hasSubject: false }, 'key');
  expect(keyOf('__debezium-heartbeat.cdc')).toBe('SchemaRegistry');
  expect(keyOf('connect.offsets')).toBe('String');
});

test('the settings name serdes that exist, and the registry that they need', () => {
  expect(settings.hasRegistry).toBe(true);
  const named = [settings.defaultKeySerde, settings.defaultValueSerde];
  expect([...named, ...settings.serdes.map(({ name }) => name)]).toEqual([
    'SchemaRegistry',
    'SchemaRegistry',
    'String',
  ]);
});

test('with the registry alone, as it was, Kafbat shows every value as text', () => {
  const bare = readSerdeSettings({ KAFKA_CLUSTERS_0_SCHEMAREGISTRY: 'http://registry' });
  const topic = { name: topicNames.artifactsExpired, hasSubject: true };
  expect(serdeOf(bare, topic, 'value')).toBe('String');
});

test('a pattern for the registry is no help where the topic has no subject', () => {
  const byPattern = readSerdeSettings({
    KAFKA_CLUSTERS_0_SERDE_0_NAME: 'SchemaRegistry',
    KAFKA_CLUSTERS_0_SERDE_0_TOPICVALUESPATTERN: '.*',
  });
  const letters = 'artifacts.expired.artifact-deleter.dlq';
  expect(serdeOf(byPattern, { name: letters, hasSubject: false }, 'value')).toBe('String');
  expect(serdeOf(byPattern, { name: letters, hasSubject: true }, 'value')).toBe('SchemaRegistry');
});
