/**
 * Claim: four processes of a consumer do at least 0.95 of four times what one does.
 *
 * The stores have latency instead of CPU, so that the cores of this machine do not decide: an S3 server that stores
 * nothing and answers late, and each process works on one micro-batch at a time (flag `concurrency`). While a group works
 * through a backlog it grows from 1 to 2 to 4 processes, on 12 and on 24 partitions.
 */
import { createCodec } from '../lib/avro/codec';
import { createRegistry } from '../lib/avro/registry';
import { loadSchema } from '../lib/avro/schema-file';
import { createKafka } from '../lib/kafka/kafkajs/create-kafka';
import { createProducer } from '../lib/kafka/producer';
import { topicNames } from '../lib/kafka/topics/topics';
import { systemClock } from '../lib/process/clock';
import { connectionSchema, loadConfig } from '../lib/process/config';
import { createLogger } from '../lib/process/logger';
import type { RunningStack } from '../ops/local/stack/running-stack';
import { stackEnvironment, type StackScope } from '../ops/local/stack/stack-environment';
import type { ArtifactsExpired } from '../schemas/generated';
import { cloneSource, dropClone, dueArtifacts, makeSource } from './bench-source';
import { dropSlot, prepareBench } from './prepare-bench';
import type { Report } from './report';
import { runScale, type ScaleRun, type Step } from './scale-run';
import { startNullS3 } from './start-null-s3';
import { announceBuilds, cloneTraces, makeTraceSource, redisDatabases } from './trace-source';

interface ScaleBench {
  readonly latencyMs: number;
  readonly secondsPerStep: number;
  readonly partitions: readonly number[];
  /** Artifacts at the beginning, and a tenth as many traces: more than the steps can do. */
  readonly backlog: number;
}

const traceBytes = 4_000;
const perSend = 5_000;

/** A record for each due artifact, so that records are what is shared out. */
async function announceArtifacts(stack: RunningStack, scope: StackScope): Promise<void> {
  const config = loadConfig(connectionSchema, stackEnvironment(stack, 'deleter', scope));
  const topic = `${config.AFTERBUILD_NAMESPACE}${topicNames.artifactsExpired}`;
  const codec = createCodec<ArtifactsExpired>(
    createRegistry({ url: config.SCHEMA_REGISTRY_URL, clock: systemClock }),
    { subject: `${topic}-value`, schema: loadSchema(topicNames.artifactsExpired) },
  );
  const systemIdentifier = config.POSTGRES_SYSTEM_IDENTIFIER;
  const origin = { systemIdentifier, databaseName: scope.database, timeline: 1, lsn: 1 };
  const due = [...(await dueArtifacts(stack, scope.database))].flatMap(([partitionId, artifacts]) =>
    artifacts.map((artifact) => ({ partitionId, artifact })),
  );
  const producer = createProducer(createKafka(config, 'bench', createLogger('bench', 'error')));
  await producer.connect();
  try {
    for (let at = 0; at < due.length; at += perSend) {
      const records = due.slice(at, at + perSend).map(async ({ partitionId, artifact }) => ({
        topic,
        key: `${partitionId}:${artifact.id}`,
        value: await codec.encode({ origin, source: 'sweep', partitionId, artifacts: [artifact] }),
      }));
      await producer.send(await Promise.all(records));
    }
  } finally {
    await producer.disconnect();
  }
}

/** One process alone sets the measure. */
function reportSteps(report: Report, run: ScaleRun, latencyMs: number, steps: readonly Step[]) {
  const sum = (rates: readonly number[]): number => rates.reduce((all, rate) => all + rate, 0);
  const alone = sum(steps[0]?.rates ?? []);
  for (const { processes, rates, pauseMs, cpuShare } of steps) {
    const rate = sum(rates);
    const linear = rate / (processes * alone);
    report({
      case: run.process,
      unit: 'records/s',
      partitions: run.partitions,
      processes,
      latencyMs,
      rate: Math.round(rate),
      linear: Number(linear.toFixed(3)),
      // The slowest beside the fastest.
      fairness: Number((Math.min(...rates) / Math.max(...rates)).toFixed(2)),
      pauseMs,
      cpuShare: Number(cpuShare.toFixed(2)),
      picture: '█'.repeat(Math.round((10 * rate) / alone)),
    });
  }
}

async function deleters(stack: RunningStack, report: Report, bench: ScaleBench): Promise<void> {
  await makeSource(stack, bench.backlog);
  for (const partitions of bench.partitions) {
    const name = `scale-delete-${partitions}`;
    const cloned = await cloneSource(stack, name, { withObjects: false });
    const scope = { ...cloned, namespace: `${name}.` };
    const sized = { TOPIC_PARTITIONS: String(partitions) };
    await prepareBench(stack, scope, sized);
    await announceArtifacts(stack, scope);
    const s3 = await startNullS3(scope.bucketTag, { latencyMs: bench.latencyMs });
    const environment = {
      ...{ ...stackEnvironment(stack, 'deleter', scope), ...sized },
      ...{ CDC_SLOT: scope.database, S3_ENDPOINT: s3.endpoint },
    };
    const { secondsPerStep } = bench;
    const run = {
      process: 'artifact-deleter',
      partitions,
      environment,
      name,
      secondsPerStep,
    } as const;
    try {
      reportSteps(report, run, bench.latencyMs, await runScale(stack, run));
    } finally {
      await s3.stop();
      await dropSlot(stack, scope.database);
      await dropClone(stack, scope.database);
    }
  }
}

async function archivers(stack: RunningStack, report: Report, bench: ScaleBench): Promise<void> {
  const count = Math.ceil(bench.backlog / 10);
  const source = await makeTraceSource(stack, { sizeBytes: traceBytes, count });
  for (const partitions of bench.partitions) {
    const name = `scale-archive-${partitions}`;
    const scope = await cloneTraces(stack, source, name);
    const sized = { TOPIC_PARTITIONS: String(partitions) };
    await prepareBench(stack, scope, sized);
    await announceBuilds(stack, scope, source);
    const s3 = await startNullS3(scope.bucketTag, { latencyMs: bench.latencyMs });
    const environment = {
      ...{ ...stackEnvironment(stack, 'archiver', scope), ...sized },
      ...{ REDIS_DB: String(redisDatabases.run), S3_ENDPOINT: s3.endpoint },
    };
    const { secondsPerStep } = bench;
    const run = {
      process: 'trace-archiver',
      partitions,
      environment,
      name,
      secondsPerStep,
    } as const;
    try {
      reportSteps(report, run, bench.latencyMs, await runScale(stack, run));
    } finally {
      await s3.stop();
      await dropSlot(stack, scope.database);
    }
  }
}

export async function measureScale(
  stack: RunningStack,
  report: Report,
  bench: ScaleBench,
): Promise<void> {
  await deleters(stack, report, bench);
  await archivers(stack, report, bench);
}
