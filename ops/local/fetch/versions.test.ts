import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '../../../lib/process/root';
import { companions, parts } from './versions';

const recipe = (path: string): string =>
  readFileSync(join(projectRoot, 'ops/local/servers', path), 'utf8');

const versionOf = (pom: string, artifact: string): string | undefined =>
  new RegExp(`<artifactId>${artifact}</artifactId>\\s*<version>([^<]+)</version>`).exec(
    recipe(pom),
  )?.[1];

it('names the versions that Maven fetches', () => {
  for (const artifact of ['kafka_2.13', 'connect-runtime', 'kafka-tools']) {
    expect(versionOf('kafka/pom.xml', artifact)).toBe(parts.kafka.version);
  }
  expect(versionOf('kafka/pom.xml', 'log4j-slf4j-impl')).toBe(companions.log4jBinding);
  expect(versionOf('connect-plugins/debezium/pom.xml', 'debezium-connector-postgres')).toBe(
    parts.connectPlugins.version,
  );
  expect(
    versionOf('connect-plugins/avro-converter/pom.xml', 'apicurio-registry-utils-converter'),
  ).toBe(companions.avroConverter);
  expect(versionOf('registry/pom.xml', 'apicurio-registry-app')).toBe(parts.registry.version);
  expect(versionOf('redis/pom.xml', 'embedded-redis')).toBe(parts.redis.version);
});

it.each([
  ['object-storage', `github.com/versity/versitygw v${parts.objectStorage.version}`],
  ['fault-proxy', `github.com/Shopify/toxiproxy/v2 v${parts.faultProxy.version}`],
])('names the version of %s that Go builds, whose checksum is written down', (folder, version) => {
  expect(recipe(`${folder}/go.mod`)).toContain(version);
  expect(recipe(`${folder}/go.sum`)).toContain(`${version} h1:`);
});

it('names the version of the Kafka UI that pip fetches, and a checksum for each package', () => {
  const required = recipe('kafka-ui/requirements.txt');
  expect(required).toContain(`kafka-viewer==${parts.kafkaUi.version} `);
  const packages = [...required.matchAll(/^([a-z][\w.-]*)==\S+ \\\n {4}--hash=sha256:/gm)];
  expect(packages).toHaveLength(parts.kafkaUi.amount);
  expect(required.match(/^[a-z].*==/gm)).toHaveLength(packages.length);
  // kafka-viewer does not ask for it, and without it reads no record that is compressed by zstd, as ours are.
  expect(packages.map(([, name]) => name)).toContain('zstandard');
});

it('names the version that npm fetches, for every platform, with checksums', () => {
  const lock = JSON.parse(recipe('postgres/package-lock.json')) as {
    packages: Record<string, { version: string; integrity?: string }>;
  };
  const binaries = Object.entries(lock.packages).filter(([path]) => path !== '');
  expect(binaries).toHaveLength(4);
  for (const [, entry] of binaries) {
    expect(entry.version).toBe(parts.postgres.version);
    expect(entry.integrity).toMatch(/^sha512-/);
  }
});
