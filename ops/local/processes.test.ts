import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { identifyProcess } from './stack/process-identity';
import { endAtOnce, killLeftProcesses } from './end-at-once';
import { ProcessError, createProcesses, type Processes } from './processes';
import { recordedAndRunning } from './recorded-processes';

let dataDir: string;
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'processes-'));
});
afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

const live = 'setInterval(() => {}, 1000);';
const programs: Readonly<Record<string, string>> = {
  polite: `process.on('SIGTERM', () => { console.log('bye', process.env.WHO); process.exit(0); }); console.log('up'); ${live}`,
  stubborn: `process.on('SIGTERM', () => {}); console.log('up'); ${live}`,
  broken: `console.error('no such bucket'); process.exit(7);`,
};
const commandOf = (name: string) => [process.execPath, '-e', programs[name] ?? ''] as const;
const log = (label: string) => join(dataDir, 'logs', `${label}.log`);

async function until(claim: () => boolean): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!claim()) {
    if (performance.now() > deadline) throw new Error('waited 10 s without success');
    await sleep(10);
  }
}
/** Never 0, which as the target of a signal would be the test's own process group. */
function pidOf(processes: Processes, label: string): number {
  const pid = processes.running().get(label);
  if (pid === undefined) throw new Error(`${label} does not run`);
  return pid;
}

const isUp = (label: string) => () =>
  existsSync(log(label)) && readFileSync(log(label), 'utf8').includes('up');

it('asks each process to end, one after the other, and waits for it', async () => {
  const processes = createProcesses({ dataDir, commandOf });
  await processes.start('polite', { WHO: 'first' }, 'polite-1');
  await processes.start('polite', { WHO: 'second' }, 'polite-2');
  await until(isUp('polite-1'));
  await until(isUp('polite-2'));
  const pids = [...processes.running().values()];
  await processes.stop();
  expect(readFileSync(log('polite-1'), 'utf8')).toContain('bye first');
  expect(readFileSync(log('polite-2'), 'utf8')).toContain('bye second');
  expect(pids.map(identifyProcess)).toEqual([undefined, undefined]);
});

it('names the process that ended by itself, with its last words', async () => {
  const processes = createProcesses({ dataDir, commandOf });
  await processes.start('broken', {});
  await expect(processes.failure).rejects.toThrow(ProcessError);
  await expect(processes.failure).rejects.toThrow(
    /^broken ended by itself \(exit code 7\).*\nno such bucket\n/,
  );
  await processes.stop();
});

it('kills a process that does not end in time', async () => {
  const processes = createProcesses({ dataDir, commandOf, stopWithinMs: 100 });
  await processes.start('stubborn', {});
  await until(isUp('stubborn'));
  const pid = pidOf(processes, 'stubborn');
  await processes.stop();
  expect(identifyProcess(pid)).toBeUndefined();
});

it('starts one again that was killed, says so in one line, records the new one and stops it', async () => {
  const said: string[] = [];
  const { signal } = new AbortController();
  const restart = { say: (line: string) => void said.push(line), signal, afterMs: () => 10 };
  const processes = createProcesses({ dataDir, commandOf, restart, stopWithinMs: 100 });
  await processes.start('stubborn', {});
  const first = pidOf(processes, 'stubborn');
  process.kill(first, 'SIGKILL');
  await until(() => said.length === 1);
  const second = pidOf(processes, 'stubborn');
  expect(second).not.toBe(first);
  expect(said).toEqual([
    `stubborn ended by itself (SIGKILL) and was started again: process ${second}`,
  ]);
  expect(recordedAndRunning(dataDir)).toMatchObject([{ label: 'stubborn', pid: second }]);
  await processes.stop();
  expect(identifyProcess(second)).toBeUndefined();
});

it('starts nothing again once it stops', async () => {
  const said: string[] = [];
  const ending = new AbortController();
  const restart = { say: (line: string) => void said.push(line), signal: ending.signal };
  const processes = createProcesses({ dataDir, commandOf, restart });
  await processes.start('polite', {});
  await until(isUp('polite'));
  process.kill(pidOf(processes, 'polite'), 'SIGTERM');
  await until(() => processes.running().size === 0);
  // It waits to be restarted.
  ending.abort();
  await processes.stop();
  expect({ said, running: processes.running().size }).toEqual({ said: [], running: 0 });
});

it('names the last words of one that it does not start again', async () => {
  const { signal } = new AbortController();
  const restart = { say: () => undefined, signal, afterMs: () => null };
  const processes = createProcesses({ dataDir, commandOf, restart });
  await processes.start('broken', {});
  await expect(processes.failure).rejects.toThrow(/^broken ended by itself \(exit code 7\)/);
  await processes.stop();
});

it('finds and ends what a killed run has left', async () => {
  const killed = createProcesses({ dataDir, commandOf });
  await killed.start('stubborn', {});
  const pid = killed.running().get('stubborn') ?? 0;
  expect(await killLeftProcesses(dataDir)).toEqual(['stubborn']);
  expect(identifyProcess(pid)).toBeUndefined();
  expect(await killLeftProcesses(dataDir)).toEqual([]);
});

it('kills at once all that runs, and nothing is left', async () => {
  const processes = createProcesses({ dataDir, commandOf });
  await processes.start('stubborn', {}, 'stubborn-1');
  await processes.start('polite', {}, 'polite-2');
  const pids = [...processes.running().values()];
  expect(await endAtOnce(dataDir)).toEqual({ names: ['stubborn-1', 'polite-2'], left: [] });
  expect(pids.map(identifyProcess)).toEqual([undefined, undefined]);
});
