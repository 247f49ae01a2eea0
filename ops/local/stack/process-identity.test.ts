import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { identifyProcess, isRunning, parseProcStat } from './process-identity';

it('reads state and start from a line whose name holds spaces and brackets', () => {
  const fields = Array.from({ length: 40 }, (_, index) => String(index + 100));
  const stat = `42 (a) (b c) S ${fields.join(' ')}`;
  expect(parseProcStat(stat)).toEqual({ state: 'S', startTicks: '118' });
});

it('recognises a process as long as it runs', async () => {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
  const identity = identifyProcess(child.pid ?? 0);
  expect(isRunning(identity)).toBe(true);
  child.kill('SIGKILL');
  await once(child, 'exit');
  expect(isRunning(identity)).toBe(false);
});

it('takes a stranger with the same pid for a stranger', () => {
  expect(isRunning({ pid: process.pid, startedAt: 'another boot:1' })).toBe(false);
});
