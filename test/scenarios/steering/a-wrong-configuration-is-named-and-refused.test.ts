import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exitCodes } from '../../../lib/process/exit-codes';
import { isPortFree } from '../../../ops/local/stack/ports';
import {
  expectSentence,
  programEnd,
  refusalOf,
  type Refusal,
} from '../../support/scenario/refusal';
import { useScenario } from '../../support/scenario/use-scenario';

const ground = useScenario(__filename, { changes: 'none' });

type Change = Readonly<Record<string, string | undefined>>;
const sweep = ['run', 'expired-artifacts'];
const deleter = ['run', 'artifact-deleter'];

const refused = (args: readonly string[], change: Change): Promise<Refusal> =>
  refusalOf(args, { ...ground().environment('deleter'), START_LIMIT_MS: '1000', ...change });

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'afterbuild-refused-'));
  chmodSync(folder, 0o755); // as root, PostgreSQL's user has to enter it
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('missing and wrong variables are named together, and never shown', async () => {
  const missing = { POSTGRES_HOST: undefined, KAFKA_BROKERS: '', POSTGRES_USER: undefined };
  const wrong = {
    POSTGRES_PORT: 'hidden-1',
    LOG_LEVEL: 'hidden-2',
    SCHEMA_REGISTRY_URL: 'hidden-3',
  };
  for (const args of [sweep, deleter, ['reconcile', '--check']]) {
    const refusal = await refused(args, { ...missing, ...wrong });
    const names = Object.keys({ ...missing, ...wrong }).map((name) => new RegExp(name));
    expectSentence(refusal, exitCodes.configuration, ...names, /POSTGRES_HOST is missing/);
    expect(refusal.said[0]).not.toMatch(/hidden/);
  }
  const noTag = await refused(deleter, { S3_BUCKET_TAG: undefined, S3_ENDPOINT: 'hidden' });
  expectSentence(noTag, exitCodes.configuration, /S3_BUCKET_TAG is missing/, /S3_ENDPOINT: /);
  const noConnect = await refused(['connect', 'apply'], { CONNECT_URL: undefined });
  expectSentence(noConnect, exitCodes.configuration, /CONNECT_URL is missing/);
  const noStep = await refused(deleter, { AFTERBUILD_FAIL_POINT: 'nowhere=kill' });
  expectSentence(noStep, exitCodes.configuration, /AFTERBUILD_FAIL_POINT must be/);
});

test('a secret that cannot be read, or is empty, is named by its variable and path', async () => {
  const empty = join(folder, 'empty');
  writeFileSync(empty, '\n');
  const absent = join(folder, 'absent');
  for (const args of [sweep, deleter]) {
    const unread = await refused(args, { POSTGRES_PASSWORD_FILE: absent });
    expectSentence(unread, exitCodes.configuration, /POSTGRES_PASSWORD_FILE: .*absent cannot be/);
  }
  const hollow = await refused(deleter, { S3_SECRET_ACCESS_KEY_FILE: empty });
  expectSentence(hollow, exitCodes.configuration, /S3_SECRET_ACCESS_KEY_FILE: .*empty is empty/);
});

test('a server that does not answer is named with its address when the wait for it is over', async () => {
  let port = 20_000;
  while (!(await isPortFree(port))) port += 1;
  const nowhere = `127.0.0.1:${port}`;
  const away = async (args: readonly string[], change: Change, server: string): Promise<void> =>
    expectSentence(await refused(args, change), exitCodes.unreachable, new RegExp(server));
  const registry = { SCHEMA_REGISTRY_URL: `http://${nowhere}` };
  await Promise.all([
    away(sweep, { POSTGRES_PORT: String(port) }, `PostgreSQL at ${nowhere} does not answer`),
    away(deleter, { S3_ENDPOINT: `http://${nowhere}` }, `S3 at http://${nowhere} does not answer`),
    away(sweep, registry, `registry at http://${nowhere} does not answer`),
  ]);
  await Promise.all([
    away(sweep, { KAFKA_BROKERS: nowhere }, `Kafka at ${nowhere} does not answer`),
    away(deleter, { KAFKA_BROKERS: nowhere }, 'no broker answered.*Check that Kafka is reachable'),
    away(['topics', 'plan'], { KAFKA_BROKERS: nowhere }, nowhere),
  ]);
});

test('npm start names each missing tool with the command that installs it', () => {
  const { code, said } = programEnd('ops/local/bootstrap.mjs', ['start'], {
    PATH: folder,
    JAVA_HOME: undefined,
  });
  expect(code).toBe(exitCodes.configuration);
  const tools = ['npm', 'a JDK', 'Maven', 'Go', 'git'];
  expect(said).toEqual(
    tools.map((tool): unknown =>
      expect.stringMatching(`^${tool} \\S+ or newer .*\\. Install it with: \\S`),
    ),
  );
});

/** `npm start` says first what it is about to do. */
const afterOpening = ({ code, said }: Refusal): Refusal => ({
  code,
  said: said.slice(said.findIndex((line) => line.startsWith('Ctrl-C ends it')) + 1),
});

test('a port that is taken is named before any server starts', () => {
  const { port } = ground().stack.addresses.postgres;
  const taken = { AFTERBUILD_POSTGRES_PORT: String(port) };
  for (const [path, ...args] of [
    ['dist/ops/local/start.js', '--once'],
    ['dist/ops/local/stack-command.js', 'up'],
  ] as const) {
    const data = join(folder, 'taken');
    const refusal = programEnd(path, [...args, '--data', data], taken);
    const named = new RegExp(`Port ${port}, .* is taken`);
    expectSentence(afterOpening(refusal), exitCodes.configuration, named);
  }
});

test('a second start in the same data folder says so and leaves the first one alone', () => {
  const { dataDir } = ground().stack;
  const refusal = programEnd('dist/ops/local/start.js', ['--once', '--data', dataDir], {});
  const named = new RegExp(`${dataDir}.*stop it .*--data`);
  expectSentence(afterOpening(refusal), exitCodes.unreachable, named);
});

test('wrong usage differs from a failure by its exit code', () => {
  for (const path of ['dist/ops/local/start.js', 'dist/ops/local/stack-command.js']) {
    const { code, said } = programEnd(path, ['up', '--sideways'], {});
    expect(said.join(' ')).toMatch(/--sideways/);
    expect(code).toBe(exitCodes.usage);
  }
  const { code, said } = programEnd('dist/ops/local/run-tests.js', ['--testPathPatterns', 'x'], {});
  expectSentence({ code, said }, exitCodes.usage, /does not know --testPathPatterns x/);
});
