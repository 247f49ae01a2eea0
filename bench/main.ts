/** `npm run bench -- <claim>`: starts the real servers, measures one claim, stops the servers. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { createFetchLines } from '../ops/local/fetch/fetch-progress';
import { listenForInterruption } from '../lib/process/interruption';
import type { RunningStack } from '../ops/local/stack/running-stack';
import { plainShape, type StackShape } from '../ops/local/stack/server';
import { startStack } from '../ops/local/stack/stack';
import { measureArtifacts } from './artifacts.bench';
import { measureCoordinator } from './coordinator.bench';
import { measureLag } from './lag.bench';
import { createReport, type Report } from './report';
import { measurePace } from './pace.bench';
import { measureRuntime } from './runtime.bench';
import { measureScale } from './scale.bench';
import { measureTraces, traceSizes } from './traces.bench';

interface Flags {
  readonly quick: boolean;
  readonly json?: string;
  readonly artifacts: string;
  readonly runs: string;
  readonly records: string;
  readonly stale: string;
  readonly backlog: string;
  readonly latency: string;
  readonly seconds: string;
  readonly only?: string;
}

/** Servers of its own, in a folder of its own, so that no other load is measured. */
async function onOwnStack(
  measure: (stack: RunningStack) => Promise<void>,
  shape: StackShape = plainShape,
): Promise<void> {
  const dataDir = mkdtempSync(join(tmpdir(), 'afterbuild-bench-'));
  const log = (line: string): void => console.error(line);
  const interruption = listenForInterruption({
    source: process,
    nowMs: () => performance.now(),
    onSecond: () => process.exit(1),
  });
  const { signal } = interruption;
  const fetchProgress = createFetchLines(log);
  const stack = await startStack({ dataDir, log, fetchProgress, signal, shape });
  const interrupted = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error));
  });
  try {
    await Promise.race([measure(stack), interrupted]);
  } finally {
    await stack.stop();
    interruption.release();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

/** Checked before anything starts. @returns the text unchanged. */
function count(text: string): string {
  if (/^[1-9][0-9]{0,8}$/.test(text)) return text;
  throw new InvalidArgumentError('It must be a whole number above 0.');
}

type Measure = (stack: RunningStack, report: Report, flags: Flags) => Promise<void>;

function addBench(program: Command, name: string, claim: string, measure: Measure): Command {
  return program
    .command(name)
    .description(claim)
    .option('--quick', 'one small run: does it still work?', false)
    .option('--json <file>', 'write the lines to a file as well')
    .action((flags: Flags) =>
      onOwnStack((stack) => measure(stack, createReport(flags.json), flags)),
    );
}

/** Needs no servers but its own. */
function addPace(program: Command): void {
  program
    .command('pace')
    .description(
      'DeleteObjects at a server that grants 3,500 keys a second and answers SlowDown above',
    )
    .option('--quick', 'ten seconds', false)
    .option('--json <file>', 'write the lines to a file as well')
    .option('--seconds <n>', 'how long', count, '60')
    .action(({ quick, json, seconds }: { quick: boolean; json?: string; seconds: string }) =>
      measurePace(createReport(json), quick ? 10 : Number(seconds)),
    );
}

function addScale(program: Command): void {
  addBench(
    program,
    'scale',
    'a group that grows from 1 to 2 to 4 processes, on stores with latency',
    (stack, report, { quick, backlog, latency, seconds }) =>
      measureScale(stack, report, {
        backlog: quick ? 60_000 : Number(backlog),
        latencyMs: Number(latency),
        secondsPerStep: quick ? 5 : Number(seconds),
        partitions: quick ? [12] : [12, 24],
      }),
  )
    .option('--backlog <n>', 'artifacts, and a tenth as many traces', count, '200000')
    .option('--latency <ms>', 'of each answer of S3', count, '200')
    .option('--seconds <n>', 'of each step', count, '20');
}

/** The only one that needs several brokers. */
function addCoordinator(program: Command): void {
  program
    .command('coordinator')
    .description('from the kill of a coordinator to the next commit of its group, on three brokers')
    .option('--json <file>', 'write the lines to a file as well')
    .option('--rounds <n>', 'how many kills', count, '20')
    .action(({ json, rounds }: { json?: string; rounds: string }) =>
      onOwnStack((stack) => measureCoordinator(stack, createReport(json), Number(rounds)), {
        brokers: 3,
        isSecure: true,
      }),
    );
}

function addTraces(program: Command): void {
  addBench(
    program,
    'traces',
    'the archiver beside the same conditional PutObjects alone',
    (stack, report, { quick, runs, stale, only }) =>
      measureTraces(stack, report, {
        only,
        runs: quick ? 1 : Number(runs),
        stale: quick ? 1_000 : Number(stale),
        share: quick ? 0.1 : 1,
      }),
  )
    .option('--stale <n>', 'stale builds', count, '26811')
    .addOption(new Option('--only <size>', 'one of them').choices(traceSizes))
    .option('--runs <n>', 'rounds of each case', count, '3');
}

async function main(): Promise<void> {
  const program = new Command('npm run bench --').description(
    'measures what the README claims, on servers of its own, and stops them again\n' +
      'Exit codes: 0 measured, 1 something failed, 2 wrong usage.',
  );
  addBench(
    program,
    'artifacts',
    'the pipeline beside the same DELETE alone and the same DeleteObjects alone',
    (stack, report, { quick, artifacts, runs }) =>
      measureArtifacts(stack, report, {
        artifacts: quick ? 20_000 : Number(artifacts),
        runs: quick ? 1 : Number(runs),
      }),
  )
    .option('--artifacts <n>', 'how many', count, '200000')
    .option('--runs <n>', 'rounds of each case', count, '3');
  addBench(
    program,
    'runtime',
    'the consumer runtime beside a bare eachBatch',
    (stack, report, { quick, records }) =>
      measureRuntime(stack.addresses.kafkaBrokers, report, quick ? 50_000 : Number(records)),
  ).option('--records <n>', 'records of 60 bytes', count, '3000000');
  addBench(
    program,
    'lag',
    'the memory of a slow consumer that is far behind',
    (stack, report, { quick, records }) =>
      measureLag(stack.addresses.kafkaBrokers, report, quick ? 100_000 : Number(records)),
  ).option('--records <n>', 'how far it is behind', count, '5000000');
  addScale(program);
  addPace(program);
  addCoordinator(program);
  addTraces(program);
  for (const command of [program, ...program.commands]) {
    command.exitOverride().showHelpAfterError();
  }
  await program.parseAsync();
}

main().catch((error: unknown) => {
  // Commander has printed its sentence, and the help, already.
  if (error instanceof CommanderError) process.exit(error.exitCode === 0 ? 0 : 2);
  console.error(error);
  // After an interruption a process of the pipeline may still run.
  process.exit(1);
});
