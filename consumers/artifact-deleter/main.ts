/** Starts the deleter: environment → adapters → brake → handler → runtime → signals. */
import type { ArtifactsExpired } from '../../schemas/generated';
import { createCodec } from '../../lib/avro/codec';
import { openRegistry } from '../../lib/avro/open-registry';
import type { Registry } from '../../lib/avro/registry';
import { loadSchema } from '../../lib/avro/schema-file';
import { Brake } from '../../lib/brake/brake';
import { DeletionBudget } from '../../lib/brake/deletion-budget';
import type { ControlClient } from '../../lib/control/control-client';
import { ItemMeter } from '../../lib/control/item-meter';
import { openControl } from '../../lib/control/open-control';
import { consumersWork } from '../../lib/control/source-work';
import { failurePolicy } from '../../lib/failures/classify';
import { createKafka } from '../../lib/kafka/kafkajs/create-kafka';
import type { Consumer, StopReport } from '../../lib/runtime/consumer';
import { createProducer } from '../../lib/kafka/producer';
import { createConsumer } from '../../lib/runtime/member/create-consumer';
import type { Subscription } from '../../lib/runtime/subscription';
import { partitionsDefault, topicNames } from '../../lib/kafka/topics/topics';
import { createDeletionCounts } from '../../lib/metrics/effects';
import type { Metrics } from '../../lib/metrics/metrics';
import { systemClock } from '../../lib/process/clock';
import { artifactDeleterSchema, type Environment, loadConfig } from '../../lib/process/config';
import type { ExitCode } from '../../lib/process/exit-codes';
import { type HealthContext, withHealth } from '../../lib/service/health';
import type { Logger } from '../../lib/process/logger';
import { type ProcessContext, runProcess } from '../../lib/service/run-process';
import type { SetAside } from '../../lib/metrics/set-aside';
import { createReachStep, parseFailPoint } from '../../lib/process/steps';
import { untilReachable } from '../../lib/service/until-reachable';
import { deletingSessions, PostgresArtifacts } from '../../lib/stores/postgres/artifacts';
import { isOverload } from '../../lib/stores/postgres/errors';
import { readIdentity } from '../../lib/stores/postgres/identity';
import { PostgresPool, postgresSettings } from '../../lib/stores/postgres/pool';
import { S3Objects, s3Settings } from '../../lib/stores/s3/objects';
import { createHandler } from './handler';
import { checkRecord } from './record';

type Config = ReturnType<typeof loadConfig<typeof artifactDeleterSchema>>;

/**
 * The group whose progress counts. A dry run has a group of its own, or it would consume the records of the live one.
 */
const group = 'artifact-deleter';
/** Records of one key and partition_id that one statement may take together. */
const recordsMax = 200;

/**
 * Runs until SIGTERM or SIGINT. @returns the exit code (`lib/process/exit-codes.ts`). An error that prevents the start
 * is logged as one sentence, not thrown.
 */
export const run = (environment: Environment): Promise<ExitCode> =>
  runProcess(group, environment, (context) => {
    const config = loadConfig(artifactDeleterSchema, environment);
    return withHealth(group, config, context, (living) => work(config, living));
  });

async function work(config: Config, context: HealthContext): Promise<StopReport> {
  const stores = { ...createPool(config), objects: new S3Objects(s3Settings(config)) };
  try {
    await checkStores(config, stores, context);
    return await consume(config, context, stores);
  } finally {
    stores.objects.close();
    await stores.connections.close();
  }
}

/** @throws BrakeError when database or bucket is not the configured one; S3Error when it cannot delete. */
async function checkStores(
  config: Config,
  { connections, brake, objects }: Stores,
  { logger, signal }: ProcessContext,
): Promise<void> {
  const { POSTGRES_HOST, POSTGRES_PORT, S3_ENDPOINT, START_LIMIT_MS: limitMs } = config;
  const waiting = { clock: systemClock, logger, limitMs, signal };
  const postgres = `PostgreSQL at ${POSTGRES_HOST}:${POSTGRES_PORT}`;
  await untilReachable(postgres, () => connections.withSession(readIdentity), waiting);
  const s3 = `S3 at ${S3_ENDPOINT ?? 'the endpoint of its region'}`;
  await untilReachable(s3, () => proveBucket(config, { brake, objects }), waiting);
  // A dry run deletes nothing, and may lack the right.
  if (!config.DELETE_DRY_RUN) await untilReachable(s3, () => objects.probeDeletion(), waiting);
}

async function proveBucket(
  config: Config,
  { brake, objects }: Pick<Stores, 'brake' | 'objects'>,
): Promise<void> {
  brake.checkBucket(await objects.bucketTags(), config.S3_BUCKET_TAG, config.S3_BUCKET);
}

interface Stores {
  readonly connections: PostgresPool;
  readonly brake: Brake;
  readonly objects: S3Objects;
}

function createPool(config: Config): Omit<Stores, 'objects'> {
  const brake: Brake = new Brake({
    expected: {
      systemIdentifier: config.POSTGRES_SYSTEM_IDENTIFIER,
      databaseName: config.POSTGRES_DATABASE,
    },
    nowMs: () => systemClock.nowMs(),
    readIdentity: () => connections.withSession(readIdentity),
  });
  const settings = postgresSettings(config, group, {
    connectionsMax: config.DELETE_CONCURRENCY + 1,
    ...deletingSessions,
  });
  const connections: PostgresPool = new PostgresPool(settings, async (session) => {
    await brake.checkConnection(() => readIdentity(session));
  });
  return { connections, brake };
}

async function consume(
  config: Config,
  { logger, ended, fail, ...life }: HealthContext,
  stores: Stores,
): Promise<StopReport> {
  const registry = openRegistry(config);
  const kafka = createKafka(config, group, logger);
  const control = openControl({
    ...{ process: group, work: topicNames.artifactsExpired, registry, clock: systemClock, logger },
    namespace: config.AFTERBUILD_NAMESPACE,
    troubles: life.troubles,
    ...{ setAside: life.setAside, metrics: life.metrics },
    createProducer: () => createProducer(kafka),
  });
  const meter = new ItemMeter(systemClock);
  const around = {
    ...{ ...stores, helm: control.helm, setAside: life.setAside, meter },
    partitionsOf: (topic: string) => consumer.partitionsOf(topic),
  };
  const consumer: Consumer = createConsumer({
    observer: life.observer,
    kafka,
    group: `${config.AFTERBUILD_NAMESPACE}${group}${config.DELETE_DRY_RUN ? '.dry-run' : ''}`,
    subscriptions: [
      expiredArtifacts(config, logger, registry, around, life.metrics),
      control.helm.subscription({
        onDecision: (decision) => stores.brake.learn(decision),
        onCaughtUp: () => stores.brake.decisionsRead(),
      }),
    ],
    settings: {
      concurrency: config.DELETE_CONCURRENCY,
      startTimeoutMs: config.START_LIMIT_MS,
      failureRunMax: config.FAILURES_IN_A_ROW_MAX,
      progressDeadlineMs: config.STALL_EXIT_MS,
    },
    logger,
    clock: systemClock,
    random: Math.random,
    onFatal: fail,
  });
  control.follow(consumer, () => consumersWork('artifacts', meter.perSecond()));
  await life.watch(consumer).start();
  logger.info({ event: 'process.started' }, 'started');
  await ended;
  const report = await consumer.stop(config.STOP_LIMIT_MS);
  await control.end();
  return report;
}

type Around = Stores & {
  readonly helm: ControlClient;
  readonly setAside: SetAside;
  readonly meter: ItemMeter;
} & Pick<Consumer, 'partitionsOf'>;

function expiredArtifacts(
  config: Config,
  logger: Logger,
  registry: Registry,
  { helm, meter, setAside, partitionsOf, ...stores }: Around,
  metrics: Metrics,
): Subscription<ArtifactsExpired> {
  const topic = `${config.AFTERBUILD_NAMESPACE}${topicNames.artifactsExpired}`;
  const schema = loadSchema(topicNames.artifactsExpired);
  const codec = createCodec<ArtifactsExpired>(registry, { subject: `${topic}-value`, schema });
  const budget = new DeletionBudget({
    perMinuteMax: config.DELETIONS_PER_MINUTE_MAX,
    partitionsTotal: () => partitionsOf(topic) ?? partitionsDefault,
  });
  const failPoint = config.AFTERBUILD_FAIL_POINT;
  const handle = createHandler({
    ...portsOf(config, stores),
    allowance: budget,
    counts: createDeletionCounts(metrics, meter),
    setAside,
    rowsMax: config.DELETE_ROWS_MAX,
    dryRun: config.DELETE_DRY_RUN,
    holdsDry: () => helm.effective.dryRun,
    ...{ clock: systemClock, random: Math.random, logger },
    reach: createReachStep(
      failPoint === undefined ? undefined : parseFailPoint(failPoint),
      (signal) => process.kill(process.pid, signal),
    ),
  });
  return {
    topic,
    start: 'committed',
    decode: async (value) => checkRecord(await codec.decode(value)),
    maxRecords: recordsMax,
    concurrency: 'adaptive',
    isOverload,
    maxWeight: config.DELETE_ROWS_MAX,
    weigh: ({ artifacts }) => artifacts.length,
    handle,
    failures: {
      ...failurePolicy(config.AFTERBUILD_NAMESPACE, group, ['postgres', 's3', 'brake']),
      encode: (rest) => codec.encode(rest as ArtifactsExpired),
      count: (rest) => (rest as ArtifactsExpired).artifacts.length,
    },
    onAssigned: (partition) => budget.assigned(partition),
    onLost: (partition) => budget.lost(partition),
  };
}

const portsOf = (config: Config, { connections, brake, objects }: Stores) => ({
  rows: new PostgresArtifacts(connections),
  objects,
  proveBucket: () => proveBucket(config, { brake, objects }),
  brake,
});
