import { topicNames } from '../lib/kafka/topics/topics';
import { connectorConfig, type ConnectorSettings } from './connector-config';

const settings: ConnectorSettings = {
  namespace: 'team-a.',
  databaseHost: 'db',
  databasePort: 5432,
  databaseName: 'gitlab',
  databaseUser: 'afterbuild_cdc',
  passwordFile: '/secrets/cdc.properties',
  slot: 'afterbuild',
  publication: 'afterbuild',
  registryUrl: 'http://registry/apis/registry/v2',
  heartbeatMs: 5_000,
  replicationFactor: 3,
};

test('no placeholder is left and every value is text', () => {
  const config = connectorConfig(settings);
  expect(Object.values(config).join('\n')).not.toMatch(/\{\{|undefined/);
  expect(Object.values(config).every((value) => typeof value === 'string')).toBe(true);
});

test('the password is a reference to a file on the workers', () => {
  expect(connectorConfig(settings)['database.password']).toBe(
    '${file:/secrets/cdc.properties:password}',
  );
});

test('the tables give exactly the change topics of the topic list, with their partitions', () => {
  const config = connectorConfig({ ...settings, namespace: '' });
  const names = (config['table.include.list'] ?? '')
    .split(',')
    .map((table) => `${config['topic.prefix']}.${table.replaceAll('[.]', '.')}`);
  expect(names.sort()).toEqual([topicNames.artifactChanges, topicNames.buildChanges].sort());
  expect(config['topic.creation.default.partitions']).toBe('12');
  expect(config['topic.creation.default.retention.ms']).toBe('2592000000');
});

test('the predicate meets the table topics of its namespace and not the heartbeat', () => {
  const config = connectorConfig(settings);
  const meets = new RegExp(`^${config['predicates.isTable.pattern']}$`);
  expect(meets.test(`team-a.${topicNames.artifactChanges}`)).toBe(true);
  expect(meets.test('__debezium-heartbeat.team-a.cdc')).toBe(false);
  expect(meets.test(`team-aXcdc.public.p_ci_builds`)).toBe(false);
});
