import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { processNames, processes as declared } from '../../lib/process/processes';
import {
  artifactDeleterSchema,
  connectionSchema,
  expiredArtifactsSchema,
  finishedBuildsSchema,
  loadConfig,
  traceArchiverSchema,
} from '../../lib/process/config';
import { projectRoot } from '../../lib/process/root';
import { workerProperties } from '../local/stack/connect';
import { secretNames } from '../local/stack/data-folder';
import { brokerProperties } from '../local/stack/broker-properties';
import { databaseSettings } from '../local/stack/postgres';
import type { Place } from '../local/stack/server';
import { stackEnvironment } from '../local/stack/stack-environment';
import { companions, mavenDependencyPlugin, parts } from '../local/fetch/versions';
import { readCompose, readSecrets } from './read-compose';

const read = (path: string): string => readFileSync(join(projectRoot, path), 'utf8');
const compose = read('docker-compose.yml');
const dockerfile = read('Dockerfile');
const services = readCompose(compose);
const service = (name: string) => services.get(name)!;

/** `key=value` and `key = 'value'` lines. */
const settingsOf = (text: string): Map<string, string> =>
  new Map(
    [...text.matchAll(/^([a-z][\w.]*) ?= ?'?([^'\n]*)'?$/gm)].map(([, key = '', value = '']) => [
      key,
      value,
    ]),
  );
const without = (settings: Map<string, string>, ...keys: string[]) =>
  Object.fromEntries([...settings].filter(([key]) => !keys.includes(key)));

const ports = { kafka: 1, kafkaController: 2, connect: 3, registry: 4, postgres: 5, redis: 6 };
const place = {
  dataDir: '/data',
  ports,
  files: { connectPlugins: '/plugins' },
} as unknown as Place;

test('every server of the local stack is there, with its version', () => {
  const argument = (name: string) => new RegExp(`^ARG ${name}=(.*)$`, 'm').exec(dockerfile)?.[1];
  const { kafka, objectStorage, postgres, registry } = parts;
  const postgresVersion = postgres.version.replace(/\.0-.*$/, '');
  expect(service('postgres').image).toBe(`postgres:${postgresVersion}-bookworm`);
  expect(service('redis').image).toBe(`redis:${companions.redisServer}-bullseye`);
  expect(service('kafka').image).toBe(`apache/kafka:${kafka.version}`);
  expect(argument('KAFKA_VERSION')).toBe(kafka.version);
  expect(argument('REGISTRY_VERSION')).toBe(registry.version);
  expect(argument('OBJECT_STORAGE_VERSION')).toBe(objectStorage.version);
  expect(argument('DEPENDENCY_PLUGIN')).toBe(mavenDependencyPlugin);
  expect(dockerfile).toContain('COPY ops/local/servers/connect-plugins /recipes');
  const { optionalDependencies, version } = JSON.parse(read('package.json')) as {
    optionalDependencies: Record<string, string>;
    version: string;
  };
  expect(new Set(Object.values(optionalDependencies))).toEqual(new Set([argument('NODE_VERSION')]));
  expect(service('expired-artifacts').image).toBe(`afterbuild:${version}`);
});

test('no image is without a version', () => {
  const bases = [...dockerfile.matchAll(/^FROM (\S+)/gm)].map(([, image]) => image);
  for (const image of [...bases, ...[...services.values()].map((one) => one.image)]) {
    expect(image).toMatch(/:v?(\d+\.\d+|\$\{[A-Z_]+_VERSION\})/);
  }
});

test('Kafka is set as in the local stack, but for its addresses', () => {
  const addresses = ['listeners', 'advertised.listeners', 'listener.security.protocol.map'];
  const local = without(
    settingsOf(brokerProperties(place)),
    ...addresses,
    'controller.quorum.voters',
    'log.dirs',
  );
  const { environment } = service('kafka');
  for (const [key, value] of Object.entries(local)) {
    const name = `KAFKA_${key.toUpperCase().replaceAll('.', '_')}`;
    expect({ [name]: environment[name] }).toEqual({ [name]: value });
  }
});

test('Connect is set as in the local stack, but for its addresses and paths', () => {
  const differing = [
    'bootstrap.servers',
    'listeners',
    'rest.advertised.host.name',
    'plugin.path',
    'config.providers.file.param.allowed.paths',
  ];
  expect(without(settingsOf(read('ops/docker/connect.properties')), ...differing)).toEqual(
    without(settingsOf(workerProperties(place)), ...differing),
  );
});

test('PostgreSQL is set as in the local stack, but for its addresses and its log', () => {
  const given = service('postgres').command.filter((part) => part.startsWith('-c'));
  const here = settingsOf(given.map((part) => part.slice(2)).join('\n'));
  const differing = ['listen_addresses', 'port', 'unix_socket_directories', 'log_line_prefix'];
  expect(without(here)).toEqual(without(settingsOf(databaseSettings(place)), ...differing));
});

const arrayWith = (one: string): unknown => expect.arrayContaining([one]);

const schemas = {
  'expired-artifacts': expiredArtifactsSchema,
  'artifact-deleter': artifactDeleterSchema,
  'finished-builds': finishedBuildsSchema,
  'trace-archiver': traceArchiverSchema,
};
const processes = Object.keys(schemas) as (keyof typeof schemas)[];

test('every process of the pipeline is a service, and runs under its name', () => {
  expect([...processes].sort()).toEqual(processNames.toSorted());
  for (const name of processes) expect(service(name).command).toEqual(['run', name]);
});

test.each(processes)(
  '%s is configured as on the local stack, and for nothing that it does not use',
  (name) => {
    const { environment } = service(name);
    const prepared = { ...environment, POSTGRES_SYSTEM_IDENTIFIER: '7' };
    expect(() => loadConfig(schemas[name], prepared)).not.toThrow();
    expect(Object.keys(schemas[name].shape)).toEqual(
      expect.arrayContaining(Object.keys(environment)),
    );
    const addresses = {
      postgres: { systemIdentifier: '7' },
      redis: {},
      s3: { region: 'us-east-1' },
    };
    const stack = { dataDir: '/data', addresses } as unknown as Parameters<
      typeof stackEnvironment
    >[0];
    const local = stackEnvironment(stack, declared[name].role);
    const same = ['POSTGRES_USER', 'POSTGRES_DATABASE', 'S3_BUCKET', 'S3_BUCKET_TAG', 'S3_REGION'];
    for (const key of same.filter((one) => one in environment)) {
      expect({ [key]: environment[key] }).toEqual({ [key]: local[key] });
    }
    const inCommon = Object.keys(local).filter((key) => key in connectionSchema.shape);
    const wanted = inCommon.filter((key) => key in schemas[name].shape);
    const fromElsewhere = ['AFTERBUILD_NAMESPACE', 'POSTGRES_SYSTEM_IDENTIFIER'];
    // Redis has no TLS in the network of the containers; the local stack's is on this machine.
    const said = name === 'trace-archiver' ? ['CLEAR_TEXT_PASSWORDS'] : [];
    expect(Object.keys(environment).sort()).toEqual(
      [...wanted, ...said].filter((key) => !fromElsewhere.includes(key)).sort(),
    );
  },
);

test('secrets are files that each service is given, and no value stands anywhere', () => {
  const secrets = readSecrets(compose);
  expect([...secrets.keys()].sort()).toEqual([...secretNames, 'cdc.properties'].sort());
  for (const [name, path] of secrets) expect(path).toBe(`./ops/docker/secrets/${name}`);
  for (const [name, { environment, secrets: given }] of services) {
    for (const [key, value] of Object.entries(environment)) {
      const secret = /^\/run\/secrets\/(.+)$/.exec(value)?.[1];
      // Read by the Connect workers, in any service that has the variable.
      const reader = key === 'CDC_PASSWORD_PROPERTIES_FILE' ? service('connect').secrets : given;
      if (secret !== undefined) expect([name, reader]).toEqual([name, arrayWith(secret)]);
      if (key === 'CLEAR_TEXT_PASSWORDS') continue;
      if (/PASSWORD|SECRET|ACCESS_KEY/.test(key)) expect(key).toMatch(/_FILE$|^SECRETS_DIR$/);
    }
  }
  const script = read('ops/docker/prepare.ts');
  const used = [...script.matchAll(/'(postgres-[a-z]+)'/g)].map(([, name = '']) => name);
  expect(service('prepare').secrets).toEqual(expect.arrayContaining(used));
});

test('make-secrets.sh makes each of them once, closed to others', () => {
  const folder = mkdtempSync(join(tmpdir(), 'afterbuild-secrets-'));
  try {
    const script = join(folder, 'make-secrets.sh');
    copyFileSync(join(projectRoot, 'ops/docker/make-secrets.sh'), script);
    execFileSync('sh', [script]);
    const made = (name: string) => readFileSync(join(folder, 'secrets', name), 'utf8');
    const first = readdirSync(join(folder, 'secrets')).map((name) => [name, made(name)]);
    execFileSync('sh', [script]);
    expect(first.map(([name]) => name)).toEqual([...readSecrets(compose).keys()].sort());
    for (const [name = '', text = ''] of first) expect([name, made(name)]).toEqual([name, text]);
    expect(made('redis')).toMatch(/^[0-9a-f]{40}$/);
    expect(made('cdc.properties')).toBe(`password=${made('postgres-cdc')}\n`);
    expect(statSync(join(folder, 'secrets')).mode & 0o777).toBe(0o700);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('ports are bound to the loopback address only', () => {
  const bound = [...services.values()].flatMap((one) => one.ports);
  expect(bound.length).toBeGreaterThan(5);
  for (const port of bound) expect(port).toMatch(/^127\.0\.0\.1:\d+:\d+$/);
});

test('every server says whether it is well, and the Kafka UI knows registry and Connect', () => {
  const servers = [
    'postgres',
    'redis',
    'object-storage',
    'kafka',
    'registry',
    'connect',
    'kafka-ui',
  ];
  for (const name of servers) expect([name, service(name).hasHealthCheck]).toEqual([name, true]);
  const { environment } = service('kafka-ui');
  expect(environment['KAFKA_CLUSTERS_0_SCHEMAREGISTRY']).toBe(
    service('finished-builds').environment['SCHEMA_REGISTRY_URL'],
  );
  expect(environment['KAFKA_CLUSTERS_0_KAFKACONNECT_0_ADDRESS']).toBe(
    service('expired-artifacts').environment['CONNECT_URL'],
  );
});

test('the pipeline does not run as root', () => {
  const last = dockerfile.slice(dockerfile.lastIndexOf('\nFROM '));
  expect(last).toMatch(/^USER node$/m);
  expect(last.indexOf('USER node')).toBeLessThan(last.indexOf('ENTRYPOINT'));
});

const hasCompose = (): boolean => {
  try {
    execFileSync('docker-compose', ['version'], { stdio: 'ignore', timeout: 20_000 });
    return true;
  } catch {
    return false;
  }
};

(hasCompose() ? test : test.skip)(
  'docker-compose accepts the file',
  () => {
    const run = () =>
      execFileSync('docker-compose', ['config', '--quiet'], { cwd: projectRoot, timeout: 60_000 });
    expect(run).not.toThrow();
  },
  90_000,
);
