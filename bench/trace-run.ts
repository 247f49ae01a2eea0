/** One run of real archivers over a clone of the source, timed by their own log lines. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createProcesses, type Processes } from '../ops/local/processes';
import type { RunningStack } from '../ops/local/stack/running-stack';
import { stackEnvironment, type StackScope } from '../ops/local/stack/stack-environment';
import { asSuperuser, topicBytes } from './bench-source';
import { dropSlot, prepareBench } from './prepare-bench';
import { cpuMsOf, highWaterBytes, percentile } from './report';
import { countStatements, logStatements } from './server-counts';
import { startNullS3, type NullS3, type NullS3Counts } from './start-null-s3';
import { announceBuilds, cloneTraces, onRedis, redisDatabases } from './trace-source';
import type { TraceSource } from './trace-source';

interface TraceRun {
  readonly name: string;
  readonly archivers: number;
  /** Whether the traces go to a server that stores nothing. */
  readonly nullS3: boolean;
  /** By our own hands, or found by the stale sweep of finished-builds. */
  readonly announcedBy: 'hand' | 'sweep';
  /** Counts statements, which costs time: such a run's rate says nothing. */
  readonly counted?: boolean;
}

export interface TraceFigures {
  readonly tracesPerSecond: number;
  /** From the first page's read; only where the sweep announces. */
  readonly secondsFromSweep: number | null;
  /** From the moment a trace's record is taken until nothing of its chunks is left. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly rssBytes: number;
  /** Of all archivers. */
  readonly cpuMs: number;
  readonly walBytes: number;
  readonly kafkaBytes: number;
  readonly redisRoundTrips: number;
  readonly statements: number | null;
  readonly s3: NullS3Counts | null;
}

interface LogLine {
  readonly event?: string;
  readonly time: string;
  readonly elapsedMs?: number;
  readonly builds?: number;
  readonly archived?: number;
  readonly partitions?: number;
}

const limitMs = 900_000;

function logLines(stack: RunningStack, labels: readonly string[]): LogLine[] {
  return labels.flatMap((label) =>
    readFileSync(join(stack.dataDir, 'logs', `${label}.log`), 'utf8')
      .split('\n')
      .filter((line) => line.startsWith('{') && line.endsWith('}'))
      .map((line) => JSON.parse(line) as LogLine),
  );
}

async function until(processes: Processes, isSo: () => boolean): Promise<void> {
  const giveUpAtMs = performance.now() + limitMs;
  while (!isSo()) {
    if (performance.now() > giveUpAtMs) throw new Error('The run took over fifteen minutes.');
    await Promise.race([sleep(200), processes.failure]);
  }
}

async function serverFigures(stack: RunningStack, scope: StackScope) {
  const walBytes = await asSuperuser(stack, scope.database, async (client) => {
    const { rows } = await client.query<{ wal: string }>(
      `SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn AS wal`,
    );
    return Number(rows[0]?.wal);
  });
  const statements = countStatements(stack, scope.database);
  // What the server has read from its clients in one go: a pipeline is one, a long one a few.
  const stats = await onRedis(stack, (redis) => redis.info('stats'));
  const redisRoundTrips = Number(/total_reads_processed:(\d+)/.exec(stats)?.[1] ?? 0);
  return { walBytes, redisRoundTrips, statements };
}

interface Ground {
  readonly stack: RunningStack;
  readonly scope: StackScope;
  readonly source: TraceSource;
  readonly run: TraceRun;
  readonly processes: Processes;
  readonly s3: NullS3 | undefined;
}

const archiversOf = ({ name, archivers }: TraceRun): string[] =>
  Array.from({ length: archivers }, (_, index) => `${name}-archiver-${index + 1}`);

/** They have all joined and share the partitions before there is anything to do. */
async function startArchivers({ stack, scope, run, processes, s3 }: Ground): Promise<void> {
  const environment = {
    ...stackEnvironment(stack, 'archiver', scope),
    REDIS_DB: String(redisDatabases.run),
    ...(s3 ? { S3_ENDPOINT: s3.endpoint } : {}),
  };
  for (const label of archiversOf(run)) {
    await processes.start('trace-archiver', environment, label);
  }
  const shares = (label: string): boolean =>
    (logLines(stack, [label]).findLast(({ event }) => event === 'group.joined')?.partitions ??
      0) ===
    12 / run.archivers;
  await until(processes, () => archiversOf(run).every(shares));
}

async function announce({ stack, scope, source, run, processes }: Ground): Promise<void> {
  if (run.announcedBy === 'hand') return announceBuilds(stack, scope, source);
  const environment = { ...stackEnvironment(stack, 'reader', scope), CDC_SLOT: scope.database };
  return processes.start('finished-builds', environment, `${run.name}-finder`);
}

const batches = (lines: readonly LogLine[]): LogLine[] =>
  lines.filter(({ event }) => event === 'traces.archived');

const archivedIn = (lines: readonly LogLine[]): number =>
  batches(lines).reduce((sum, { archived = 0 }) => sum + archived, 0);

const startOf = ({ time, elapsedMs = 0 }: LogLine): number => Date.parse(time) - elapsedMs;

function timesOf(lines: readonly LogLine[], finder: readonly LogLine[], count: number) {
  const done = batches(lines);
  const beganMs = Math.min(...done.map(startOf));
  const endedMs = Math.max(...done.map(({ time }) => Date.parse(time)));
  // Every build of a micro-batch takes as long as it does.
  const tookMs = done.flatMap(({ builds = 0, elapsedMs = 0 }) =>
    Array.from({ length: builds }, () => elapsedMs),
  );
  const begun = finder.find(({ event }) => event === 'stale.begun');
  return {
    tracesPerSecond: count / ((endedMs - beganMs) / 1_000),
    secondsFromSweep: begun ? (endedMs - Date.parse(begun.time)) / 1_000 : null,
    p50Ms: percentile(tookMs, 0.5),
    p99Ms: percentile(tookMs, 0.99),
  };
}

async function measure(ground: Ground): Promise<TraceFigures> {
  const { stack, scope, source, run, processes, s3 } = ground;
  const count = source.builds.length;
  const labels = archiversOf(run);
  if (run.counted === true) await logStatements(stack, scope.database);
  await startArchivers(ground);
  const pids = labels.map((label) => processes.running().get(label) ?? 0);
  const cpuMs = (): number => pids.reduce((sum, pid) => sum + cpuMsOf(pid), 0);
  const cpuBeforeMs = cpuMs();
  const before = await serverFigures(stack, scope);
  await announce(ground);
  await until(processes, () => archivedIn(logLines(stack, labels)) >= count);
  const after = await serverFigures(stack, scope);
  const finder = run.announcedBy === 'sweep' ? [`${run.name}-finder`] : [];
  return {
    ...timesOf(logLines(stack, labels), logLines(stack, finder), count),
    rssBytes: Math.max(...pids.map(highWaterBytes)),
    cpuMs: cpuMs() - cpuBeforeMs,
    walBytes: after.walBytes - before.walBytes,
    redisRoundTrips: after.redisRoundTrips - before.redisRoundTrips,
    kafkaBytes: topicBytes(stack, `${scope.namespace ?? ''}builds.finished`),
    statements: run.counted === true ? after.statements - before.statements : null,
    s3: s3 ? await s3.counts() : null,
  };
}

/** The figures are of all traces together, rates and times apart. */
export async function runArchivers(
  stack: RunningStack,
  source: TraceSource,
  run: TraceRun,
): Promise<TraceFigures> {
  const scope = await cloneTraces(stack, source, run.name);
  await prepareBench(stack, scope);
  const s3 = run.nullS3 ? await startNullS3(scope.bucketTag) : undefined;
  const processes = createProcesses({ dataDir: stack.dataDir });
  try {
    return await measure({ stack, scope, source, run, processes, s3 });
  } finally {
    await processes.stop();
    await s3?.stop();
    await dropSlot(stack, scope.database);
  }
}
