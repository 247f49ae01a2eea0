/** `npm start`: servers, a small GitLab, the pipeline at work on it, and the check that all is well. */
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CommanderError } from 'commander';
import { systemClock } from '../../lib/process/clock';
import { FileLedger } from '../gitlab/ledger';
import { liveOnce } from '../gitlab/life';
import { seed } from '../gitlab/seed';
import { trickle } from '../gitlab/trickle';
import { countOpenWork } from '../gitlab/open-work';
import { clearData, refuseForeignFolder } from './clear-data';
import { connectGitlab, ledgerFile, type ConnectedGitlab } from './connected-gitlab';
import { drain } from './drain';
import { createFetchProgress } from './fetch-progress';
import { listenForInterruption } from '../../lib/process/interruption';
import { judge } from './judge';
import { freePort, PortError } from './ports';
import { prepareStack } from './prepare';
import { createProcesses, type Processes } from './processes';
import { createProgress, type Progress } from './progress';
import type { RunningStack } from './running-stack';
import { StackBusyError, startStack } from './stack';
import { defaultScope, stackEnvironment, type DatabaseRole } from './stack-environment';
import { parseStartOptions, type StartOptions } from './start-options';

const scope = defaultScope;
const exitCodes = {
  done: 0,
  failed: 1,
  usage: 2,
  configuration: 3,
  busy: 4,
  interrupted: 130,
} as const;

interface Run {
  readonly options: StartOptions;
  readonly stack: RunningStack;
  readonly gitlab: ConnectedGitlab;
  readonly processes: Processes;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

/** Nobody waits two minutes for a late line, or twelve hours for a sweep, to see the pipeline work. */
const impatient = { ARCHIVE_SETTLE_MS: '3000', STALE_AGE_MS: '5000', STALE_EVERY_MS: '2000' };

/** Sources first: they are stopped first, too, so that no new work comes while the rest drains. */
const inOrder: readonly (readonly [name: string, role: DatabaseRole])[] = [
  ['expired-artifacts', 'reader'],
  ['finished-builds', 'reader'],
  ['artifact-deleter', 'deleter'],
  ['trace-archiver', 'archiver'],
];

async function startProcesses({ stack, processes, progress }: Run): Promise<void> {
  for (const [name, role] of inOrder) {
    const port = await freePort();
    const environment = { ...stackEnvironment(stack, role, scope), ...impatient };
    await processes.start(name, { ...environment, HTTP_PORT: String(port) });
    const pid = processes.running().get(name) ?? 'gone';
    progress.line(`${name} runs as process ${pid}: http://127.0.0.1:${port}/metrics, /readyz`);
  }
}

/** Seeds and lives through the seeded changes, unless a kept run has done that. @returns what will go. */
async function seedAndLive({ options, gitlab, progress, signal }: Run): Promise<number> {
  const known = (await gitlab.ledger.read()).seeded;
  if (known !== undefined) {
    progress.line('going on with the data of the last run');
    return known.willGo;
  }
  const bar = progress.bar('seeding', options.artifacts, 'artifacts');
  const { builds, artifacts, randomSeed } = options;
  const onProgress = (stored: number): void => bar.update(stored);
  const seeded = await seed(gitlab, { builds, artifacts, randomSeed, onProgress });
  bar.finish(`${seeded.willGo} will go, ${seeded.willStay} will stay`);
  const life = await liveOnce(gitlab, seeded, signal);
  progress.line(`GitLab went on: ${JSON.stringify(life)}`);
  return seeded.willGo;
}

/** Endless life, told in a line every few seconds. Ends with the signal. */
async function goOn({ options, gitlab, progress, signal }: Run): Promise<void> {
  const lived = trickle(gitlab, {
    randomSeed: options.randomSeed,
    clock: systemClock,
    signal,
    everyMs: 500,
  });
  const told = (async () => {
    while (!signal.aborted) {
      const { due, soon, artifacts } = await countOpenWork(gitlab.pool, 60_000);
      progress.line(`${artifacts} artifacts: ${due} due, ${soon} more within a minute`);
      await sleep(5_000, undefined, { signal }).catch(() => undefined);
    }
  })();
  progress.line('going on with a trickle of new work; Ctrl-C ends it');
  await Promise.all([lived, told]);
}

interface Ending {
  readonly code: number;
  /** Printed when everything has stopped, so that it is the last line. */
  readonly lastLine?: string;
}

/** Counted in the stores and compared with the ledger: the pipeline's own word counts for nothing. */
async function finish(run: Run): Promise<Ending> {
  const { gitlab, stack, signal, progress } = run;
  const { seeded } = await gitlab.ledger.read();
  const { archived, deleted, kept, ...found } = await judge(gitlab, stack, { scope, signal });
  const problems = [...found.problems];
  if (deleted !== seeded?.willGo || kept !== seeded.willStay) {
    problems.push(
      `${deleted} artifacts were deleted and ${kept} kept; the ledger says ${String(seeded?.willGo)} and ${String(seeded?.willStay)}`,
    );
  }
  problems.forEach((problem) => progress.line(problem));
  const verdict = problems.length === 0 ? 'invariants hold' : 'invariants are broken';
  return {
    code: problems.length === 0 ? exitCodes.done : exitCodes.failed,
    lastLine: `archived ${archived} traces, deleted ${deleted} artifacts, kept ${kept}, ${verdict}`,
  };
}

async function work(run: Run): Promise<Ending> {
  await startProcesses(run);
  const willGo = await seedAndLive(run);
  await drain(run.stack, run.gitlab, { ...run, scope, willGo });
  if (run.options.once) return finish(run);
  await goOn(run);
  return { code: exitCodes.done };
}

/** Runs until the work is done, a process fails, or the signal comes; then stops all but the stack. */
async function withPipeline(
  stack: RunningStack,
  given: Pick<Run, 'options' | 'progress' | 'signal'>,
): Promise<Ending> {
  const { dataDir } = stack;
  await prepareStack(stack, { scope, log: given.progress.line, signal: given.signal });
  const processes = createProcesses({ dataDir });
  const gitlab = connectGitlab(stack, scope);
  const cut = new AbortController();
  const signal = AbortSignal.any([given.signal, cut.signal]);
  const working = work({ ...given, stack, gitlab, processes, signal });
  try {
    return await Promise.race([working, processes.failure]);
  } finally {
    cut.abort();
    await working.catch(() => undefined);
    given.progress.line('stopping the pipeline');
    await processes.stop();
    await gitlab.close();
  }
}

/** A run that is not to be kept begins with nothing, and so does one whose seeding was cut short. */
async function isFresh({ keep, data }: StartOptions): Promise<boolean> {
  return !keep || (await new FileLedger(ledgerFile(data)).read()).seeded === undefined;
}

async function start(options: StartOptions, progress: Progress): Promise<Ending> {
  const interruption = listenForInterruption({
    source: process,
    nowMs: () => performance.now(),
    onSecond: () => process.exit(exitCodes.interrupted),
  });
  const { signal } = interruption;
  refuseForeignFolder(options.data);
  const stack = await startStack({
    dataDir: options.data,
    log: progress.line,
    fetchProgress: createFetchProgress(progress),
    signal,
    isFresh: await isFresh(options),
  });
  let ending: Ending = { code: exitCodes.failed };
  try {
    ending = await withPipeline(stack, { options, progress, signal });
  } catch (error) {
    if (!signal.aborted) throw error;
    ending = { code: options.once ? exitCodes.interrupted : exitCodes.done };
  } finally {
    progress.line('stopping the servers');
    await stack.stop();
    interruption.release();
  }
  if (!options.keep && ending.code !== exitCodes.failed) clearData(stack.dataDir);
  else progress.line(`the data stays in ${stack.dataDir}`);
  return ending;
}

function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError)
    return error.exitCode === 0 ? exitCodes.done : exitCodes.usage;
  console.error(error instanceof Error ? error.message : String(error));
  if (error instanceof PortError) return exitCodes.configuration;
  return error instanceof StackBusyError ? exitCodes.busy : exitCodes.failed;
}

async function main(): Promise<void> {
  const progress = createProgress(process.stderr);
  try {
    const options = parseStartOptions(process.argv.slice(2));
    const ending = await start({ ...options, data: resolve(options.data) }, progress);
    progress.close();
    if (ending.lastLine !== undefined) console.log(ending.lastLine);
    process.exitCode = ending.code;
  } catch (error) {
    progress.close();
    process.exitCode = exitCodeOf(error);
  } finally {
    progress.close();
  }
}

void main();
