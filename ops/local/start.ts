/** `npm start`: servers, a small GitLab, the pipeline at work on it, and an orderly end in every case. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { CommanderError } from 'commander';
import { listenForInterruption } from '../../lib/process/interruption';
import { FileLedger } from '../gitlab/ledger';
import { clearData, refuseForeignFolder } from './stack/clear-data';
import { ledgerFile } from './connected-gitlab';
import { endAtOnce } from './end-at-once';
import { cacheFolder } from './fetch/fetch';
import { createFetchProgress } from './fetch/fetch-progress';
import { runLive, type LiveRunEnd } from './live-run';
import { PortError } from './stack/ports';
import { createProgress, type Progress } from '../../lib/process/progress';
import { RoomError, checkRoom, explainFullDisk, needs } from './room';
import { StackBusyError, startStack } from './stack/stack';
import { parseStartOptions, type StartOptions } from './start-options';
import { intro } from './story';

const exitCodes = {
  done: 0,
  failed: 1,
  usage: 2,
  configuration: 3,
  busy: 4,
  interrupted: 130,
} as const;

interface Ending {
  readonly code: number;
  /** Printed when everything has stopped, so that it is the last line. */
  readonly lastLine?: string | undefined;
}

const ofEnd = ({ isBroken, lastLine }: LiveRunEnd): Ending => ({
  code: isBroken ? exitCodes.failed : exitCodes.done,
  lastLine,
});

/** A run that is not kept begins empty, and so does one whose seeding was interrupted. */
async function isFresh({ keep, data }: StartOptions): Promise<boolean> {
  return !keep || (await new FileLedger(ledgerFile(data)).read()).seeded === undefined;
}

/** The second Ctrl-C: none of our processes is left, or the rest is named. */
async function killAndExit(data: string, progress: Progress): Promise<void> {
  progress.close();
  const { names, left } = await endAtOnce(data);
  console.error(`ended at once: ${names.length === 0 ? 'nothing ran' : names.join(', ')}`);
  if (left.length > 0) {
    const command = `npm run stack -- down --data '${data}'`;
    console.error(`still there: ${left.join(', ')}. This ends them: ${command}`);
  }
  process.exit(exitCodes.interrupted);
}

async function runStack(
  options: StartOptions,
  progress: Progress,
  signal: AbortSignal,
): Promise<Ending> {
  const stack = await startStack({
    dataDir: options.data,
    log: progress.line,
    fetchProgress: createFetchProgress(progress),
    signal,
    isFresh: await isFresh(options),
  });
  let ending: Ending = { code: exitCodes.failed };
  try {
    const end = await runLive(stack, { options, progress, signal });
    ending = signal.aborted && end.lastLine === undefined ? stopped(options) : ofEnd(end);
  } catch (error) {
    if (!signal.aborted) throw error;
    ending = stopped(options);
  } finally {
    progress.line('stopping the servers');
    await stack.stop();
  }
  if (!options.keep && ending.code !== exitCodes.failed) clearData(stack.dataDir);
  else progress.line(`the data stays in ${stack.dataDir}`);
  return ending;
}

/** Ctrl-C is how a run without `--once` ends. */
const stopped = ({ once }: StartOptions): Ending => ({
  code: once ? exitCodes.interrupted : exitCodes.done,
  lastLine: 'stopped',
});

function checkMachine({ data }: StartOptions): void {
  refuseForeignFolder(data);
  checkRoom(data, needs.diskGigabytes);
  const cache = cacheFolder(process.env);
  if (!existsSync(cache)) checkRoom(cache, needs.cacheGigabytes);
}

async function start(options: StartOptions, progress: Progress): Promise<Ending> {
  intro(options.data).forEach(progress.line);
  checkMachine(options);
  const interruption = listenForInterruption({
    source: process,
    nowMs: () => performance.now(),
    onSecond: () => void killAndExit(options.data, progress),
  });
  const { signal } = interruption;
  signal.addEventListener('abort', () => {
    progress.line('stopping; a second Ctrl-C ends everything at once');
  });
  try {
    return await runStack(options, progress, signal);
  } catch (error) {
    if (signal.aborted) return stopped(options);
    const sentence = explainFullDisk(error, options.data);
    throw sentence === undefined ? error : new RoomError(sentence, { cause: error });
  } finally {
    interruption.release();
  }
}

function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError)
    return error.exitCode === 0 ? exitCodes.done : exitCodes.usage;
  console.error(error instanceof Error ? error.message : String(error));
  if (error instanceof PortError || error instanceof RoomError) return exitCodes.configuration;
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
