import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { identifyProcess } from './process-identity';
import { ProcessError, createProcesses, killLeftProcesses } from './processes';

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
    if (performance.now() > deadline) throw new Error('waited 10 s in vain');
    await sleep(10);
  }
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
  const pid = processes.running().get('stubborn') ?? 0;
  await processes.stop();
  expect(identifyProcess(pid)).toBeUndefined();
});

it('finds and ends what a killed run has left', async () => {
  const killed = createProcesses({ dataDir, commandOf });
  await killed.start('stubborn', {});
  const pid = killed.running().get('stubborn') ?? 0;
  expect(await killLeftProcesses(dataDir)).toBe(1);
  expect(identifyProcess(pid)).toBeUndefined();
  expect(await killLeftProcesses(dataDir)).toBe(0);
});
