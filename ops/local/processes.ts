/** Runs the pipeline's processes as child processes, restarts those that end by themselves, and stops all. */
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isProcessName } from '../../lib/process/processes';
import { projectRoot } from '../../lib/process/root';
import { identifyProcess, type ProcessIdentity } from './stack/process-identity';
import { recordProcesses } from './recorded-processes';
import { endsInARow, restartAfterMs, type End } from './restart';
import { lastLines, signalServer } from './stack/server-process';

/** A process ended without being asked to. */
export class ProcessError extends Error {
  override readonly name = 'ProcessError';
}

interface ProcessesOptions {
  /** Holds a log file for each process, and `processes.json`. */
  readonly dataDir: string;
  /** How a process is run; by default `afterbuild run <name>`, and of another name `afterbuild <name>`. */
  readonly commandOf?: (name: string) => readonly [file: string, ...args: string[]];
  /** After SIGTERM; then it is killed. */
  readonly stopWithinMs?: number;
  /** Left out: a process that ends by itself is a failure. Otherwise it is restarted, and one line is logged. */
  readonly restart?: {
    readonly say: (line: string) => void;
    /** From then on nothing is started any more. */
    readonly signal: AbortSignal;
    /** Milliseconds; by default those of `restart.ts`. */
    readonly afterMs?: typeof restartAfterMs;
  };
}

export interface Processes {
  /**
   * @param name a process name for `afterbuild run`, for example `artifact-deleter`, or `ui`, the page.
   * @param label names this instance and its log file.
   */
  start(name: string, environment: Readonly<Record<string, string>>, label?: string): Promise<void>;
  /** Never fulfilled; rejected with a ProcessError when one has ended by itself, and is not restarted. */
  readonly failure: Promise<never>;
  /** Labels and pids of the running processes. */
  running(): ReadonlyMap<string, number>;
  /** Stops them in the order of their start: producers before consumers. Waits until none is left. */
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
  ...(isProcessName(name) ? ['run', name] : [name]),
];

const describeEnd = (label: string, { how, log }: Pick<OwnEnd, 'how' | 'log'>): string =>
  `${label} ended by itself (${how}). Its last words:\n${lastLines(log, 10)}\nThe whole log is in ${log}.`;

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
  // A group of its own: a terminal's Ctrl-C must not stop the pipeline in another order than ours.
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

interface Wanted {
  readonly name: string;
  readonly label: string;
  readonly environment: Readonly<Record<string, string>>;
}

interface OwnEnd extends End {
  readonly how: string;
  readonly log: string;
}

class OwnProcesses implements Processes {
  readonly failure: Promise<never>;
  readonly #options: ProcessesOptions;
  readonly #fail: (error: unknown) => void;
  readonly #running = new Map<string, Running>();
  readonly #restarting = new Set<Promise<void>>();
  readonly #stopping = new AbortController();
  /** Nothing is started any more. */
  readonly #over: AbortSignal;

  constructor(options: ProcessesOptions) {
    this.#options = options;
    const signals = options.restart ? [options.restart.signal] : [];
    this.#over = AbortSignal.any([this.#stopping.signal, ...signals]);
    const { promise, reject } = Promise.withResolvers<never>();
    this.failure = promise;
    this.#fail = reject;
    promise.catch(() => undefined);
  }

  running(): ReadonlyMap<string, number> {
    return new Map(Array.from(this.#running, ([label, { identity }]) => [label, identity.pid]));
  }

  start(name: string, environment: Wanted['environment'], label = name): Promise<void> {
    return this.#begin({ name, label, environment }, 0);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await Promise.all(this.#restarting);
    const { stopWithinMs = 60_000, dataDir } = this.#options;
    for (const process of [...this.#running.values()]) await endWithin(process, stopWithinMs);
    recordProcesses(dataDir, []);
  }

  async #begin(wanted: Wanted, endsBefore: number): Promise<void> {
    const { dataDir, commandOf = runByName } = this.#options;
    const { name, label, environment } = wanted;
    mkdirSync(join(dataDir, 'logs'), { recursive: true });
    const log = join(dataDir, 'logs', `${label}.log`);
    const startedMs = performance.now();
    const child = launch(commandOf(name), environment, log);
    const ended = new Promise<void>((resolve) => {
      child.once('exit', (code, signal) => {
        this.#running.delete(label);
        const ranMs = performance.now() - startedMs;
        const how = signal ?? `exit code ${String(code)}`;
        if (!this.#over.aborted) this.#endedByItself(wanted, { code, ranMs, endsBefore, how, log });
        resolve();
      });
    });
    await started(child);
    const identity = identifyProcess(child.pid ?? 0);
    // It may have ended at this moment; then its exit has been or will be noticed above.
    if (identity === undefined) return;
    this.#running.set(label, { identity, ended });
    const recorded = Array.from(this.#running, ([each, one]) => ({ ...one.identity, label: each }));
    recordProcesses(dataDir, recorded);
  }

  #endedByItself(wanted: Wanted, end: OwnEnd): void {
    const { restart } = this.#options;
    const afterMs = restart ? (restart.afterMs ?? restartAfterMs)(end) : null;
    if (afterMs === null) {
      this.#fail(new ProcessError(describeEnd(wanted.label, end)));
      return;
    }
    const again = this.#beginAgain(wanted, end, afterMs).catch((error: unknown) => {
      if (!this.#over.aborted) this.#fail(error);
    });
    this.#restarting.add(again);
    void again.finally(() => this.#restarting.delete(again));
  }

  async #beginAgain(wanted: Wanted, end: OwnEnd, afterMs: number): Promise<void> {
    await sleep(afterMs, undefined, { signal: this.#over });
    await this.#begin(wanted, endsInARow(end));
    const pid = this.#running.get(wanted.label)?.identity.pid ?? 'gone again';
    this.#options.restart?.say(
      `${wanted.label} ended by itself (${end.how}) and was started again: process ${pid}`,
    );
  }
}

/** @returns a supervisor without processes. */
export const createProcesses = (options: ProcessesOptions): Processes => new OwnProcesses(options);
