/** The sentences that `npm start` prints: what it does, where to look, what to type, what happened. */
import { join } from 'node:path';
import type { Figures } from './figures';
import { needs } from './room';
import { stackFilePath } from './stack/stack-file';
import { defaultDataDir } from './start-options';

const whole = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });

/** For example `830 KB` or `12.4 MB`. */
export function describeBytes(bytes: number): string {
  if (bytes < 1e6) return `${whole.format(bytes / 1e3)} KB`;
  return bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(1)} GB`;
}

/** The very first lines. */
export const intro = (dataDir: string): readonly string[] => [
  'This starts Kafka, Kafka Connect, a schema registry, PostgreSQL, Redis and an S3 server, seeds a small GitLab,',
  'and lets the pipeline delete its expired artifacts, row and object, and archive the traces of its finished builds.',
  `It takes about ${needs.memoryGigabytes} GB of memory, and keeps everything in ${dataDir} (up to ${needs.diskGigabytes} GB of disk).`,
  'Ctrl-C ends it in order, a second one at once.',
];

/** The command line for this stack, to be pasted. */
export function commandFor(dataDir: string, args: string): string {
  const command = `npm run afterbuild -- ${args}`;
  if (dataDir === defaultDataDir) return command;
  return `AFTERBUILD_STACK_FILE='${stackFilePath(dataDir)}' ${command}`;
}

/** Printed once everything works: where to look, and what to type in another terminal. */
export const whereToLook = (dataDir: string): readonly string[] => [
  'Look from another terminal, in this folder:',
  `  ${commandFor(dataDir, 'status')}    what each process does and why, and what is left`,
  `  ${commandFor(dataDir, 'flags set artifact-deleter pause true --expires 1m --reason "a look" --yes')}    steer it`,
  `  npm run stack -- status --data '${dataDir}'    the servers: addresses, passwords, memory`,
  `  ${join(dataDir, 'logs')}    a log of each process and server`,
  'Try: kill -9 a process or a server; it is started again. What the pipeline promises then: docs/failure-modes.md',
];

/** The rest of the work in the database. */
interface Open {
  readonly due: number;
  readonly soon: number;
  readonly traces: number;
}

export interface Moment {
  readonly atMs: number;
  readonly totals: Figures;
}

const since = (now: number, before: number): string => `+${whole.format(now - before)}`;

/** One line about the time since `before`: deletions, traces, bytes, rates, the rest, the state of the processes. */
export function describeMoment(
  now: Moment,
  before: Moment,
  open: Open,
  states: readonly string[],
): string {
  const seconds = Math.max(1, (now.atMs - before.atMs) / 1_000);
  const { totals } = now;
  const perSecond = ((totals.artifacts - before.totals.artifacts) / seconds).toFixed(1);
  return [
    `${since(totals.artifacts, before.totals.artifacts)} artifacts deleted (${perSecond}/s), ${since(totals.traces, before.totals.traces)} traces archived in ${whole.format(seconds)} s`,
    `in all ${describeTotals(totals)}`,
    `left: ${open.due} due, ${open.soon} within a minute, ${open.traces} traces`,
    states.length === 0 ? 'all four processes work' : states.join(', '),
  ].join(' · ');
}

export const describeTotals = (totals: Figures): string =>
  `${whole.format(totals.artifacts)} artifacts (${describeBytes(totals.artifactBytes)}) deleted, ${whole.format(totals.traces)} traces (${describeBytes(totals.traceBytes)}) archived`;
