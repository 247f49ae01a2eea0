/** One group of consumers that grows from 1 to 2 to 4 processes while it works through a backlog. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ProcessName } from '../lib/process/processes';
import { runAfterbuild } from '../ops/local/prepare';
import { createProcesses, type Processes } from '../ops/local/processes';
import type { RunningStack } from '../ops/local/stack/running-stack';
import { cpuMsOf } from './report';

export interface ScaleRun {
  readonly process: Extract<ProcessName, 'artifact-deleter' | 'trace-archiver'>;
  readonly partitions: number;
  /** Of the processes, with the stores that they work on. */
  readonly environment: Readonly<Record<string, string>>;
  /** Begins the labels of the processes. */
  readonly name: string;
  readonly secondsPerStep: number;
}

export interface Step {
  readonly processes: number;
  /** Records a second, of each process. */
  readonly rates: readonly number[];
  /** The longest time in which no earlier member finished anything, while this step's members joined. */
  readonly pauseMs: number;
  /** Of all cores: the processes themselves, without the servers. */
  readonly cpuShare: number;
}

interface LogLine {
  readonly event?: string;
  readonly time: string;
  readonly records?: number;
}

const steps = [1, 2, 4] as const;
const settleMs = 8_000;
const joinLimitMs = 60_000;
const events = {
  'artifact-deleter': 'artifacts.deleted',
  'trace-archiver': 'traces.archived',
} as const;

function linesOf(stack: RunningStack, label: string): LogLine[] {
  return readFileSync(join(stack.dataDir, 'logs', `${label}.log`), 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('{') && line.endsWith('}'))
    .map((line) => JSON.parse(line) as LogLine);
}

/** Each has joined since then, the earlier members once more; what is left of the rebalance is over after `settleMs`. */
async function joined(stack: RunningStack, labels: readonly string[], sinceMs: number) {
  const hasJoined = (label: string): boolean =>
    linesOf(stack, label).some(
      ({ event, time }) => event === 'group.joined' && Date.parse(time) >= sinceMs,
    );
  const giveUpAtMs = performance.now() + joinLimitMs;
  while (!labels.every(hasJoined)) {
    if (performance.now() > giveUpAtMs) throw new Error(`${labels.join(', ')} did not join.`);
    await sleep(100);
  }
}

/** Between two ends of micro-batches, so one that takes long without any rebalance counts as well. */
function longestGapMs(timesMs: readonly number[], fromMs: number, toMs: number): number {
  const inside = timesMs.filter((at) => at >= fromMs && at <= toMs).toSorted((a, b) => a - b);
  const marks = [fromMs, ...inside, toMs];
  return Math.max(...marks.slice(1).map((at, index) => at - (marks[index] ?? at)));
}

interface Ground {
  readonly stack: RunningStack;
  readonly run: ScaleRun;
  readonly processes: Processes;
}

/** Starts the missing members, waits until all share, and measures a window. */
async function oneStep({ stack, run, processes }: Ground, count: number): Promise<Step> {
  const before = [...processes.running().keys()];
  const labels = Array.from({ length: count }, (_, index) => `${run.name}-${index + 1}`);
  const startedMs = Date.now();
  for (const label of labels.slice(before.length)) {
    await processes.start(run.process, run.environment, label);
  }
  await joined(stack, labels, startedMs);
  const joinedMs = Date.now();
  await sleep(settleMs);
  const event = events[run.process];
  const done = (label: string) => linesOf(stack, label).filter((line) => line.event === event);
  const earlier = before.flatMap(done).map(({ time }) => Date.parse(time));
  const pids = [...processes.running().values()];
  const cpu = (): number => pids.reduce((sum, pid) => sum + cpuMsOf(pid), 0);
  const [cpuBefore, fromMs] = [cpu(), Date.now()];
  await Promise.race([sleep(run.secondsPerStep * 1_000), processes.failure]);
  const [cpuAfter, toMs] = [cpu(), Date.now()];
  const rateOf = (label: string): number => {
    const inWindow = done(label).filter(({ time }) => {
      const at = Date.parse(time);
      return at >= fromMs && at <= toMs;
    });
    const records = inWindow.reduce((sum, line) => sum + (line.records ?? 0), 0);
    return (records * 1_000) / (toMs - fromMs);
  };
  return {
    processes: count,
    rates: labels.map(rateOf),
    pauseMs: before.length === 0 ? 0 : longestGapMs(earlier, startedMs, joinedMs + settleMs),
    cpuShare: (cpuAfter - cpuBefore) / (toMs - fromMs) / coresOf(),
  };
}

const coresOf = (): number => navigator.hardwareConcurrency;

/** Each process works on one micro-batch at a time: the flag is the cap that makes a store's latency decide. */
export async function runScale(stack: RunningStack, run: ScaleRun): Promise<readonly Step[]> {
  const by = ['--author', 'bench', '--reason', 'one batch at a time', '--yes'];
  await runAfterbuild(['flags', 'set', run.process, 'concurrency', '1', ...by], run.environment);
  const processes = createProcesses({ dataDir: stack.dataDir });
  try {
    const measured: Step[] = [];
    for (const count of steps) measured.push(await oneStep({ stack, run, processes }, count));
    return measured;
  } finally {
    await processes.stop();
  }
}
