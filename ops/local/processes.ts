/** Runs the pipeline's processes as processes of their own, notices when one ends by itself, and stops all. */
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { projectRoot } from '../../lib/process/root';
import { writeFileAtomically } from './data-folder';
import { identifyProcess, isRunning, type ProcessIdentity } from './process-identity';
import { lastLines, signalServer } from './server-process';

/** A process ended though nobody had asked it to. */
export class ProcessError extends Error {
  override readonly name = 'ProcessError';
}

export interface ProcessesOptions {
  /** Holds a log file for each process, and `processes.json`. */
  readonly dataDir: string;
  /** How a process is run; by default `afterbuild run <name>`. */
  readonly commandOf?: (name: string) => readonly [file: string, ...args: string[]];
  /** After SIGTERM; then it is killed. */
  readonly stopWithinMs?: number;
}

export interface Processes {
  /**
   * @param name what `afterbuild run` knows, for example `artifact-deleter`.
   * @param label names this instance and its log file.
   */
  start(name: string, environment: Readonly<Record<string, string>>, label?: string): Promise<void>;
  /** Never fulfilled; rejected with a ProcessError as soon as one ends by itself. */
  readonly failure: Promise<never>;
  /** Labels and pids of what runs. */
  running(): ReadonlyMap<string, number>;
  /** Stops them in the order of their start: sources before sinks. Waits until nothing is left. */
  stop(): Promise<void>;
}

interface Running {
  readonly identity: ProcessIdentity;
  readonly ended: Promise<void>;
}

const runByName = (name: string): readonly [string, ...string[]] => [
  process.execPath,
  '--enable-source-maps',
  '--disable-warning=TimeoutNegativeWarning',
  join(projectRoot, 'dist/cli/main.js'),
  'run',
  name,
];

const recordFile = (dataDir: string): string => join(dataDir, 'processes.json');

function describeEnd(
  label: string,
  code: number | null,
  signal: string | null,
  log: string,
): string {
  const how = signal ?? `exit code ${String(code)}`;
  return `${label} ended by itself (${how}). Its last words:\n${lastLines(log, 10)}\nThe whole log is in ${log}.`;
}

async function endWithin(running: Running, withinMs: number): Promise<void> {
  signalServer(running.identity, 'SIGTERM');
  const late = new AbortController();
  const kill = sleep(withinMs, undefined, { signal: late.signal }).then(
    () => signalServer(running.identity, 'SIGKILL'),
    () => undefined,
  );
  await running.ended;
  late.abort();
  await kill;
}

function launch(
  command: readonly [string, ...string[]],
  environment: Readonly<Record<string, string>>,
  log: string,
): ChildProcess {
  const output = openSync(log, 'a');
  const [file, ...args] = command;
  const inherited = { PATH: process.env['PATH'], HOME: process.env['HOME'] };
  // A group of its own: a terminal's Ctrl-C must not stop the pipeline in any other order than ours.
  const child = spawn(file, args, {
    cwd: projectRoot,
    detached: true,
    env: { ...inherited, ...environment },
    stdio: ['ignore', output, output],
  });
  closeSync(output);
  return child;
}

const started = (child: ChildProcess): Promise<void> =>
  new Promise((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', reject);
  });

/** @returns a supervisor that runs nothing yet. */
export function createProcesses(options: ProcessesOptions): Processes {
  const { dataDir, commandOf = runByName, stopWithinMs = 60_000 } = options;
  const running = new Map<string, Running>();
  let isStopping = false;
  const { promise: failure, reject: fail } = Promise.withResolvers<never>();
  failure.catch(() => undefined);
  const record = (): void => {
    const identities = Array.from(running.values(), ({ identity }) => identity);
    writeFileAtomically(recordFile(dataDir), JSON.stringify(identities), 0o600);
  };
  return {
    failure,
    running: () => new Map(Array.from(running, ([label, { identity }]) => [label, identity.pid])),
    async start(name, environment, label = name) {
      mkdirSync(join(dataDir, 'logs'), { recursive: true });
      const log = join(dataDir, 'logs', `${label}.log`);
      const child = launch(commandOf(name), environment, log);
      const ended = new Promise<void>((resolve) => {
        child.once('exit', (code, signal) => {
          running.delete(label);
          if (!isStopping) fail(new ProcessError(describeEnd(label, code, signal, log)));
          resolve();
        });
      });
      await started(child);
      const identity = identifyProcess(child.pid ?? 0);
      // It may have ended in this very moment; then its exit has been or will be noticed above.
      if (identity === undefined) return;
      running.set(label, { identity, ended });
      record();
    },
    async stop() {
      isStopping = true;
      for (const process of [...running.values()]) await endWithin(process, stopWithinMs);
      rmSync(recordFile(dataDir), { force: true });
    },
  };
}

/** Kills what a killed run has left in that folder. @returns how many there were. */
export async function killLeftProcesses(dataDir: string): Promise<number> {
  const file = recordFile(dataDir);
  if (!existsSync(file)) return 0;
  const known = JSON.parse(readFileSync(file, 'utf8')) as ProcessIdentity[];
  const left = known.filter(isRunning);
  for (const identity of left) signalServer(identity, 'SIGKILL');
  const deadline = performance.now() + 10_000;
  while (left.some(isRunning) && performance.now() < deadline) await sleep(20);
  rmSync(file, { force: true });
  return left.length;
}
