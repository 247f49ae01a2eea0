import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findStack } from './find-stack';
import { identifyProcess } from './stack/process-identity';

let dataDir: string;
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'find-stack-'));
});
afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

const file = (name: string) => `/secrets/${name}`;

function record(server: unknown): void {
  const addresses = {
    kafkaBrokers: '127.0.0.1:1',
    connectUrl: 'http://127.0.0.1:2',
    registryUrl: 'http://127.0.0.1:3',
    postgres: { host: '127.0.0.1', port: 4, systemIdentifier: '7' },
    redis: { host: '127.0.0.1', port: 5, passwordFile: file('redis') },
    s3: {
      endpoint: 'http://127.0.0.1:6',
      region: 'r',
      accessKeyIdFile: '',
      secretAccessKeyFile: '',
    },
  };
  const stack = { version: 1, place: { dataDir }, addresses, servers: { kafka: server } };
  writeFileSync(join(dataDir, 'stack.json'), JSON.stringify(stack));
}
const running = identifyProcess(process.pid);
const find = (args: readonly string[], given: NodeJS.ProcessEnv = {}, folders = [dataDir]) =>
  findStack(args, given, folders);

it('finds the servers that run in the clone, and speaks to PostgreSQL as the command should', () => {
  record(running);
  const roles = [['status'], ['connect', 'status'], ['run', 'artifact-deleter']].map(
    (args) => find(args)?.environment['POSTGRES_USER'],
  );
  expect(roles).toEqual(['afterbuild_reader', 'afterbuild_cdc', 'afterbuild_deleter']);
  expect(find(['status'])).toMatchObject({
    dataDir,
    environment: { KAFKA_BROKERS: '127.0.0.1:1', POSTGRES_HOST: '127.0.0.1' },
  });
});

it.each([
  [['replay', 'run', '--process', 'artifact-deleter', '--from', '1h'], 'afterbuild_deleter'],
  [['replay', 'run', '--process=trace-archiver'], 'afterbuild_archiver'],
  [['replay', 'run', '--from', '1h', '--topic', 'artifacts.expired'], 'afterbuild_deleter'],
  [['replay', 'run', '--topic=cdc.public.p_ci_builds'], 'afterbuild_reader'],
  [['replay', 'run', '--from', '1h'], 'afterbuild_reader'],
  [['replay', 'plan', '--process', 'artifact-deleter', '--from', '1h'], 'afterbuild_reader'],
])('%j speaks to PostgreSQL as the process whose work it does', (args, user) => {
  record(running);
  expect(find(args)?.environment['POSTGRES_USER']).toBe(user);
});

it('never mixes servers: a user who names one names all', () => {
  record(running);
  for (const name of ['KAFKA_BROKERS', 'POSTGRES_HOST', 'S3_BUCKET'])
    expect(find(['status'], { [name]: 'mine' })).toBeUndefined();
});

it('leaves what is set otherwise as it is', () => {
  record(running);
  const found = find(['status'], { AFTERBUILD_NAMESPACE: 'team-a.', LOG_LEVEL: 'debug' });
  expect(Object.keys(found?.environment ?? {})).not.toContain('AFTERBUILD_NAMESPACE');
});

it('finds nothing where no server runs, and asks for none to show the help', () => {
  expect(find(['status'])).toBeUndefined();
  record({ pid: process.pid, startedAt: 'another boot' });
  expect(find(['status'])).toBeUndefined();
  record(running);
  for (const args of [[], ['--help'], ['status', '-h']]) expect(find(args)).toBeUndefined();
});

it('takes the stack that AFTERBUILD_STACK_FILE names', () => {
  record(running);
  const given = { AFTERBUILD_STACK_FILE: join(dataDir, 'stack.json') };
  expect(find(['status'], given, [])?.dataDir).toBe(dataDir);
});
