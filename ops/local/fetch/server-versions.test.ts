import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '../../../lib/process/root';
import { formatServerVersions, parseServerVersions, recipeWithVersion } from './server-versions';
import { parts } from './versions';

it('reads which parts are to be of another version', () => {
  expect(parseServerVersions(undefined)).toEqual({});
  const versions = { broker: '3.9.2', connectPlugins: '3.6.3.Final' };
  expect(parseServerVersions(formatServerVersions(versions))).toEqual(versions);
});

it.each(['postgres=17', 'broker', 'broker=', 'broker=../x', 'broker=1=2'])(
  'refuses %s and names the parts',
  (text) => {
    expect(() => parseServerVersions(text)).toThrow(/parts are kafka, broker/);
  },
);

it('replaces the version of the part and no other', () => {
  const recipe = join(projectRoot, 'ops/local/servers/kafka');
  const pom = readFileSync(join(recipeWithVersion(recipe, 'kafka', '3.9.2'), 'pom.xml'), 'utf8');
  expect(pom.match(/<version>3\.9\.2</g)).toHaveLength(3);
  expect(pom).not.toContain(parts.kafka.version);
  expect(pom).toContain('<version>2.25.4<');
});

it('checks another Debezium by the checksum of that version, and refuses one that has none', () => {
  const recipe = join(projectRoot, 'ops/local/servers/connect-plugins');
  const older = recipeWithVersion(recipe, 'connectPlugins', '3.6.3.Final');
  expect(readFileSync(join(older, 'debezium/checksums.sha256'), 'utf8')).toMatch(
    /^[0-9a-f]{64} {2}debezium-connector-postgres-3\.6\.3\.Final-plugin\.tar\.gz\n$/,
  );
  expect(() => recipeWithVersion(recipe, 'connectPlugins', '3.0.0.Final')).toThrow(
    'No checksum of Debezium 3.0.0.Final is known',
  );
});
