/** Ends a run without waiting: kills all our processes of a data folder. */
import { setTimeout as sleep } from 'node:timers/promises';
import { isRunning, type ProcessIdentity } from './stack/process-identity';
import { recordProcesses, recordedAndRunning } from './recorded-processes';
import { serverNames } from './stack/server';
import { signalServer } from './stack/server-process';
import { readStackFile } from './stack/stack-file';

const lookEveryMs = 20;

interface Known extends ProcessIdentity {
  readonly name: string;
}

function runningServers(dataDir: string): Known[] {
  const known = readStackFile(dataDir)?.servers ?? {};
  return serverNames.flatMap((name) => {
    const identity = known[name];
    return identity !== undefined && isRunning(identity) ? [{ ...identity, name }] : [];
  });
}

const runningProcesses = (dataDir: string): Known[] =>
  recordedAndRunning(dataDir).map((one) => ({ ...one, name: one.label }));

/** PostgreSQL's own immediate shutdown: it ends its backends too, which a killed server could not. */
const firstSignal = (name: string): NodeJS.Signals => (name === 'postgres' ? 'SIGQUIT' : 'SIGKILL');

interface Killed {
  readonly names: readonly string[];
  /** Still running: `name (process pid)`. */
  readonly left: readonly string[];
}

/** Checks again until none runs: processes that were just being started are found, too. */
async function killAll(look: () => readonly Known[], withinMs: number): Promise<Killed> {
  const names = new Set<string>();
  const asked = new Set<number>();
  const begunMs = performance.now();
  for (;;) {
    const running = look();
    const isLate = performance.now() - begunMs > withinMs;
    const left = running.map(({ name, pid }) => `${name} (process ${pid})`);
    if (running.length === 0 || isLate) return { names: [...names], left };
    const isPatient = performance.now() - begunMs < withinMs / 2;
    for (const one of running) {
      if (!asked.has(one.pid)) signalServer(one, firstSignal(one.name));
      else if (!isPatient) signalServer(one, 'SIGKILL');
      asked.add(one.pid);
      names.add(one.name);
    }
    await sleep(lookEveryMs);
  }
}

/** Processes and servers of that folder. Nothing is lost that a crash would not lose. */
export const endAtOnce = (dataDir: string, withinMs = 5_000): Promise<Killed> =>
  killAll(() => [...runningProcesses(dataDir), ...runningServers(dataDir)], withinMs);

/** Kills the processes that a killed run has left in that folder. @returns their names. */
export async function killLeftProcesses(dataDir: string): Promise<readonly string[]> {
  const { names } = await killAll(() => runningProcesses(dataDir), 10_000);
  recordProcesses(dataDir, []);
  return names;
}
