/** One run of the real processes over a clone of the source, timed by their own log lines. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { prepareBench } from './prepare-bench';
import { asSuperuser, topicBytes } from './bench-source';
import { highWaterBytes } from './report';
import { startNullS3 } from './start-null-s3';
import { createProcesses } from '../ops/local/processes';
import type { RunningStack } from '../ops/local/stack/running-stack';
import { stackEnvironment, type StackScope } from '../ops/local/stack/stack-environment';

export interface PipelineFigures {
  readonly artifactsPerSecond: number;
  readonly walBytesPerArtifact: number;
  readonly transactionsPerArtifact: number;
  readonly kafkaBytesPerArtifact: number;
  readonly s3RequestsPerArtifact: number | null;
  /** Highest resident memory of each process. */
  readonly residentMegabytes: Readonly<Record<string, number>>;
}

interface LogLine {
  readonly event?: string;
  readonly time: string;
  readonly elapsedMs?: number;
  readonly deleted?: number;
  readonly objects?: number;
}

const limitMs = 600_000;

function logLines(stack: RunningStack, label: string): LogLine[] {
  const text = readFileSync(join(stack.dataDir, 'logs', `${label}.log`), 'utf8');
  return text
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as LogLine);
}

/** From the beginning of the first page's read to the end of the last deletion. */
function elapsedSeconds(stack: RunningStack, labels: { sweep: string; delete: string }): number {
  const page = logLines(stack, labels.sweep).find(({ event }) => event === 'page.produced');
  const last = logLines(stack, labels.delete).findLast(
    ({ event }) => event === 'artifacts.deleted',
  );
  if (!page || !last) throw new Error('The pipeline produced or deleted nothing.');
  return (Date.parse(last.time) - Date.parse(page.time) + (page.elapsedMs ?? 0)) / 1_000;
}

const deletedObjects = (stack: RunningStack, label: string): number =>
  logLines(stack, label)
    .filter(({ event }) => event === 'artifacts.deleted')
    .reduce((sum, { objects = 0 }) => sum + objects, 0);

async function serverFigures(stack: RunningStack, database: string) {
  return asSuperuser(stack, database, async (client) => {
    await client.query('SELECT pg_stat_force_next_flush()');
    const { rows } = await client.query<{ wal: string; transactions: string }>(
      `SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn AS wal,
              (SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()) AS transactions`,
    );
    return { wal: Number(rows[0]?.wal), transactions: Number(rows[0]?.transactions) };
  });
}

/** @param nullS3 whether the objects' deletes go to a server that stores nothing. */
export async function runPipeline(
  stack: RunningStack,
  given: StackScope,
  { artifacts, nullS3 }: { readonly artifacts: number; readonly nullS3: boolean },
): Promise<PipelineFigures> {
  const scope = { ...given, namespace: `${given.bucket}.` };
  await prepareBench(stack, scope);
  const s3 = nullS3 ? await startNullS3(scope.bucketTag) : undefined;
  const processes = createProcesses({ dataDir: stack.dataDir });
  const labels = { sweep: `${given.bucket}-sweep`, delete: `${given.bucket}-delete` };
  const before = await serverFigures(stack, scope.database);
  const common = { CDC_SLOT: scope.database, ...(s3 ? { S3_ENDPOINT: s3.endpoint } : {}) };
  try {
    const deleter = { ...stackEnvironment(stack, 'deleter', scope), ...common };
    await processes.start('artifact-deleter', deleter, labels.delete);
    const sweep = { ...stackEnvironment(stack, 'reader', scope), ...common };
    await processes.start('expired-artifacts', sweep, labels.sweep);
    const giveUpAtMs = performance.now() + limitMs;
    while (deletedObjects(stack, labels.delete) < artifacts) {
      if (performance.now() > giveUpAtMs) throw new Error('The run took over ten minutes.');
      await Promise.race([sleep(1_000), processes.failure]);
    }
    const after = await serverFigures(stack, scope.database);
    const resident = [...processes.running()].map(([label, pid]) => [
      label,
      Math.round(highWaterBytes(pid) / 1_048_576),
    ]);
    return {
      artifactsPerSecond: artifacts / elapsedSeconds(stack, labels),
      walBytesPerArtifact: (after.wal - before.wal) / artifacts,
      transactionsPerArtifact: (after.transactions - before.transactions) / artifacts,
      kafkaBytesPerArtifact: topicBytes(stack, `${scope.namespace}artifacts.expired`) / artifacts,
      s3RequestsPerArtifact: s3 ? (await s3.counts()).requests / artifacts : null,
      residentMegabytes: Object.fromEntries(resident) as Record<string, number>,
    };
  } finally {
    await processes.stop();
    await s3?.stop();
  }
}
