import { setTimeout as sleep } from 'node:timers/promises';
import { CommandError, runCommand } from './run-command';
import { identifyProcess } from '../stack/process-identity';

const shell = (script: string) => ['-c', script] as const;

it('hands on what the tool says, line by line, and returns it', async () => {
  const lines: string[] = [];
  const said = await runCommand('sh', shell('echo one; echo two'), {
    timeoutMs: 10_000,
    onLine: (line) => lines.push(line),
  });
  expect([said, lines]).toEqual(['one\ntwo', ['one', 'two']]);
});

it('tells the exit code of a tool that failed, and its last words', async () => {
  const failed = runCommand('sh', shell('echo no such jar; exit 7'), { timeoutMs: 10_000 });
  await expect(failed).rejects.toThrow(
    new CommandError('sh', 'ended with exit code 7', 'no such jar'),
  );
});

it('ends the tool and what it has started when its signal aborts', async () => {
  const ending = new AbortController();
  let pid = 0;
  const running = runCommand('sh', shell('sleep 60 & echo $!; wait'), {
    timeoutMs: 10_000,
    signal: ending.signal,
    onLine: (line) => {
      pid = Number(line);
      ending.abort();
    },
  });
  await expect(running).rejects.toThrow('was stopped or took too long');
  while (identifyProcess(pid) !== undefined) await sleep(5);
  expect(pid).toBeGreaterThan(0);
});
