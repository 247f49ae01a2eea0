/** Runs `afterbuild replay` like an operator. */
import type { ProcessName } from '../../../lib/process/processes';
import { processes } from '../../../lib/process/processes';
import type { RunningProcess } from './running-process';
import type { Scenario } from './scenario';

interface ReplayEnd {
  readonly ending: string | null;
  readonly exitCode: number;
  readonly done: number;
  readonly total: number;
  readonly counts: Readonly<Record<string, number>>;
}

/** With the settings and the role of the process. */
export function runReplay(
  scenario: Scenario,
  name: ProcessName,
  ...args: readonly string[]
): RunningProcess {
  const by = ['--author', 'anna', '--reason', 'a drill', '--yes', '--json'];
  const command = ['replay', 'run', '--process', name, ...args, ...by];
  return scenario.startCommand(command, {}, processes[name].role);
}

/** Its plan and its progress are on stderr, in the same lines. @throws Error with its output when it has no result. */
export async function endOf(process: RunningProcess): Promise<ReplayEnd> {
  await process.exited;
  const { noise } = process;
  const [from, to] = [noise.indexOf('{'), noise.lastIndexOf('}')];
  if (from < 0 || to < from) throw new Error(`${process.name} has no result:\n${process.tail()}`);
  return JSON.parse(noise.slice(from, to + 1).join('\n')) as ReplayEnd;
}
