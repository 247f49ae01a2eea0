/** Keeps the logs of a scenario's processes, to find out why it failed. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RunningProcess } from './running-process';

/** Path of a folder for the logs of every scenario; without it nothing is kept. */
const logsVariable = 'AFTERBUILD_TEST_LOGS';

/** One file a process: `<folder>/<scenario's first words>-<id>/<number>-<process>.log`. */
export function keepLogs(id: string, processes: readonly RunningProcess[]): void {
  const parent = process.env[logsVariable];
  if (parent === undefined) return;
  const { testPath = '' } = expect.getState();
  const name = testPath.replace(/^.*\//, '').replace(/\.test\.ts$/, '');
  const folder = join(parent, `${name.slice(0, 40)}-${id}`);
  mkdirSync(folder, { recursive: true });
  processes.forEach(({ name: process, lines, noise }, index) => {
    const text = [...lines.map((line) => JSON.stringify(line)), ...noise].join('\n');
    writeFileSync(join(folder, `${index + 1}-${process}.log`), `${text}\n`);
  });
}
