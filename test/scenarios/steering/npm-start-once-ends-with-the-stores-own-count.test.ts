import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { projectRoot } from '../../../lib/process/root';
import { recordedAndRunning } from '../../../ops/local/recorded-processes';
import { attachStack } from '../../../ops/local/stack/running-stack';
import { runningServers } from '../../../ops/local/stack/stack';

const dataDir = mkdtempSync(join(tmpdir(), 'afterbuild-start-'));
const size = ['--once', '--keep', '--builds', '5', '--artifacts', '200'];

/** Day, job, artifact and a file that is no trace: after the drain only kept artifacts have one. */
const artifactObject = /\/\d{4}_\d{2}_\d{2}\/\d+\/\d+\/(?!job\.log)[^/]+$/;

interface Ending {
  readonly code: number | null;
  readonly lines: readonly string[];
}

type OnLine = (line: string, child: { kill(signal: NodeJS.Signals): boolean }) => void;

/** The program of `npm start` once everything is installed and built. */
function start(args: readonly string[], onLine: OnLine = () => undefined): Promise<Ending> {
  const program = join(projectRoot, 'dist/ops/local/start.js');
  const child = spawn(process.execPath, [program, '--data', dataDir, ...args], {
    timeout: 280_000,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const lines: string[] = [];
  for (const input of [child.stderr, child.stdout]) {
    createInterface({ input }).on('line', (line) => {
      lines.push(line);
      onLine(line, child);
    });
  }
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, lines })));
}

/** @returns its output; only the stack file names the stack. */
function afterbuild(...args: readonly string[]): { code: number | null; output: string } {
  const program = join(projectRoot, 'dist/ops/local/afterbuild.js');
  const env = { PATH: process.env['PATH'], AFTERBUILD_STACK_FILE: join(dataDir, 'stack.json') };
  const run = spawnSync(process.execPath, [program, ...args], { env, encoding: 'utf8' });
  return { code: run.status, output: `${run.stdout}${run.stderr}` };
}

const storage = () => attachStack(dataDir).servers.objectStorage;
const startedPid = /^artifact-deleter runs as process (\d+)/;

afterAll(() => rmSync(dataDir, { recursive: true, force: true }));

test('npm start -- --once outlives a killed process and S3 away, and ends with what the stores hold', async () => {
  let seen: ReturnType<typeof afterbuild> | undefined;
  let isAway: Promise<void> = Promise.resolve();
  const { code, lines } = await start(size, (line) => {
    const pid = startedPid.exec(line)?.[1];
    // Before it joins its group: then no other member has to wait for its session to end.
    if (pid !== undefined) process.kill(Number(pid), 'SIGKILL');
    if (line.startsWith('seeding:') && line.includes('will go')) isAway = storage().stop();
    if (line.includes('waits for a server that does not answer')) {
      seen ??= afterbuild('flags', 'get');
      isAway = isAway.then(() => storage().start());
    }
  });
  await isAway;
  const text = lines.join('\n');
  expect(lines[0]).toMatch(/^This starts Kafka/);
  expect(text).toMatch(/artifact-deleter ended by itself \(SIGKILL\) and was started again/);
  expect(text).toMatch(/the small GitLab goes on after \d+ s/);
  expect(seen).toMatchObject({ code: 0, output: expect.stringContaining(dataDir) as string });
  expect(lines.at(-1)).toBe('archived 3 traces, deleted 160 artifacts, kept 40, invariants hold');
  expect(code).toBe(0);
  expect(runningServers(dataDir)).toEqual([]);
});

test('a broken invariant is named with its ids, and the exit code is 1', async () => {
  const objects = join(dataDir, 'objects', 'gitlab-artifacts');
  const [lost] = readdirSync(objects, { recursive: true, encoding: 'utf8' }).filter((path) =>
    artifactObject.test(path),
  );
  rmSync(join(objects, lost!));
  const { code, lines } = await start(size);
  expect(lines.at(-1)).toBe(
    'archived 3 traces, deleted 160 artifacts, kept 40, invariants are broken',
  );
  expect(lines.join('\n')).toMatch(/I3: 1 .*: \d+/);
  expect(code).toBe(1);
});

test('a second Ctrl-C while the pipeline runs leaves nothing that runs', async () => {
  const { code, lines } = await start(['--keep'], (line, child) => {
    if (line.startsWith('trace-archiver runs as')) child.kill('SIGINT');
    // Later than what counts as the same request.
    if (line.startsWith('stopping; a second')) setTimeout(() => child.kill('SIGINT'), 600);
  });
  expect({ servers: runningServers(dataDir), processes: recordedAndRunning(dataDir) }).toEqual({
    servers: [],
    processes: [],
  });
  expect(lines.join('\n')).toMatch(/ended at once: .*kafka/);
  expect(code).toBe(130);
});

test('a Ctrl-C while the servers start says that it has stopped', async () => {
  const { code, lines } = await start([], (line, child) => {
    if (line.startsWith('redis is ready')) child.kill('SIGINT');
  });
  expect({ code, last: lines.at(-1) }).toEqual({ code: 0, last: 'stopped' });
  expect(runningServers(dataDir)).toEqual([]);
});
