/** Starts the archiver: environment → adapters → brake → handler → runtime → signals. */
import type { BuildFinished } from '../../schemas/generated';
import { createCodec } from '../../lib/avro/codec';
import { openRegistry } from '../../lib/avro/open-registry';
import type { Registry } from '../../lib/avro/registry';
import { loadSchema } from '../../lib/avro/schema-file';
import { Brake } from '../../lib/brake/brake';
import type { Effective } from '../../lib/control/flags';
import { ItemMeter } from '../../lib/control/item-meter';
import { openControl } from '../../lib/control/open-control';
import { consumersWork } from '../../lib/control/source-work';
import { failurePolicy } from '../../lib/failures/classify';
import { createKafka } from '../../lib/kafka/kafkajs/create-kafka';
import type { Consumer, StopReport } from '../../lib/runtime/consumer';
import { createProducer, partitionOf } from '../../lib/kafka/producer';
import { createConsumer } from '../../lib/runtime/member/create-consumer';
import type { ConsumerSettings } from '../../lib/runtime/settings';
import type { Subscription } from '../../lib/runtime/subscription';
import { topicNames } from '../../lib/kafka/topics/topics';
import { createArchiveCounts } from '../../lib/metrics/effects';
import { ByteBudget } from '../../lib/process/byte-budget';
import { systemClock } from '../../lib/process/clock';
import { type Environment, loadConfig, traceArchiverSchema } from '../../lib/process/config';
import type { ExitCode } from '../../lib/process/exit-codes';
import { type HealthContext, withHealth } from '../../lib/service/health';
import { type ProcessContext, runProcess } from '../../lib/service/run-process';
import { createReachStep, parseFailPoint } from '../../lib/process/steps';
import { untilReachable } from '../../lib/service/until-reachable';
import { within } from '../../lib/process/within';
import { isOverload } from '../../lib/stores/postgres/errors';
import { DatabaseClock } from '../../lib/stores/postgres/database-clock';
import { readIdentity } from '../../lib/stores/postgres/identity';
import { PostgresPool, postgresSettings } from '../../lib/stores/postgres/pool';
import { PostgresTraces } from '../../lib/stores/postgres/traces';
import {
  RedisConnection,
  redisSettings,
  traceChunksSettings,
} from '../../lib/stores/redis/connection';
import { RedisMissingChunks } from '../../lib/stores/redis/missing-chunks';
import { RedisTraceChunks } from '../../lib/stores/redis/trace-chunks';
import { RedisTraceLeases } from '../../lib/stores/redis/trace-leases';
import { testCommands } from '../../lib/stores/redis/self-test';
import { S3Objects, s3Settings } from '../../lib/stores/s3/objects';
import { testConditionalWrites } from '../../lib/stores/s3/self-test';
import { S3Traces } from '../../lib/stores/s3/traces';
import { createHandler } from './handler';
import { ShownEndingTraces } from './ending-traces';
import { checkRecord } from './record';
import { watchRedis } from './open-redis-watch';
import type { Steering } from './redis-guard/guard';
import { openGuard } from './redis-guard/open';
import type { Dependencies } from './dependencies';

type Config = ReturnType<typeof loadConfig<typeof traceArchiverSchema>>;

const group = 'trace-archiver';
/** So many builds share one read, one round trip to Redis and one transaction. */
const recordsMax = 100;

/**
 * Runs until SIGTERM or SIGINT. @returns the exit code (`lib/process/exit-codes.ts`). An error that prevents the start
 * is logged as one sentence, not thrown.
 */
export const run = (environment: Environment): Promise<ExitCode> =>
  runProcess(group, environment, (context) => {
    const config = loadConfig(traceArchiverSchema, environment);
    return withHealth(group, config, context, (living) => work(config, living));
  });

async function work(config: Config, context: HealthContext): Promise<StopReport> {
  const stores = openStores(config);
  try {
    await checkStores(config, stores, context);
    return await consume(config, context, stores);
  } finally {
    await stores.close();
  }
}

type Stores = ReturnType<typeof openStores>;

function openStores(config: Config) {
  const brake: Brake = new Brake({
    expected: {
      systemIdentifier: config.POSTGRES_SYSTEM_IDENTIFIER,
      databaseName: config.POSTGRES_DATABASE,
    },
    nowMs: () => systemClock.nowMs(),
    readIdentity: () => connections.withSession(readIdentity),
  });
  const limits = { connectionsMax: config.ARCHIVE_CONCURRENCY + 2 };
  const clock = new DatabaseClock();
  const connections: PostgresPool = new PostgresPool(
    postgresSettings(config, group, limits),
    async (session) => {
      await brake.checkConnection(() => readIdentity(session));
      await clock.set(session);
    },
  );
  const bucket = new S3Objects(s3Settings(config));
  const traces = new S3Traces(s3Settings(config));
  // GitLab stores flushed chunks without a prefix.
  const chunkObjects = new S3Traces({ ...s3Settings(config), prefix: '' });
  const sharedState = new RedisConnection(redisSettings(config));
  const traceChunks = new RedisConnection(traceChunksSettings(config));
  const close = async (): Promise<void> => {
    for (const one of [bucket, traces, chunkObjects, sharedState, traceChunks]) one.close();
    await connections.close();
  };
  const redis = { sharedState, traceChunks };
  return { brake, connections, clock, bucket, traces, chunkObjects, ...redis, close };
}

/** @throws BrakeError or ConfigError when a server is not the configured one, or lacks what is needed. */
async function checkStores(
  config: Config,
  { connections, brake, bucket, traces, chunkObjects, sharedState, traceChunks }: Stores,
  { logger, signal }: ProcessContext,
): Promise<void> {
  const { POSTGRES_HOST, POSTGRES_PORT, S3_ENDPOINT, START_LIMIT_MS: limitMs } = config;
  const waiting = { clock: systemClock, logger, limitMs, signal };
  const postgres = `PostgreSQL at ${POSTGRES_HOST}:${POSTGRES_PORT}`;
  await untilReachable(postgres, () => connections.withSession(readIdentity), waiting);
  for (const redis of [sharedState, traceChunks]) {
    const holdsSharedState = redis === sharedState;
    const test = () => testCommands(redis, { holdsSharedState });
    await untilReachable(`Redis at ${redis.address}`, test, waiting);
  }
  const s3 = `S3 at ${S3_ENDPOINT ?? 'the endpoint of its region'}`;
  const tags = await untilReachable(s3, () => bucket.bucketTags(), waiting);
  brake.checkBucket(tags, config.S3_BUCKET_TAG, config.S3_BUCKET);
  await untilReachable(s3, () => testConditionalWrites(traces, s3), waiting);
  chunkObjects.deletesLike(traces);
}

async function consume(
  config: Config,
  { logger, ended, fail, signal, ...life }: HealthContext,
  stores: Stores,
): Promise<StopReport> {
  const registry = openRegistry(config);
  const kafka = createKafka(config, group, logger);
  const living = { logger, ...life };
  const meter = new ItemMeter(systemClock);
  const around = surroundingsOf(config, stores, meter, living);
  const guard = openGuard({ config, around, ...stores, living, random: Math.random });
  const control = openControl({
    ...{ process: group, work: topicNames.buildsFinished, registry, clock: systemClock, logger },
    namespace: config.AFTERBUILD_NAMESPACE,
    ...{ troubles: life.troubles, setAside: life.setAside, metrics: life.metrics },
    redis: () => guard.view,
    createProducer: () => createProducer(kafka),
  });
  const consumer = createConsumer({
    observer: life.observer,
    kafka,
    group: `${config.AFTERBUILD_NAMESPACE}${group}`,
    subscriptions: [
      finishedBuilds(config, registry, around),
      control.helm.subscription({
        onDecision: (decision) => stores.brake.learn(decision),
        onCaughtUp: () => stores.brake.decisionsRead(),
      }),
    ],
    settings: settingsOf(config),
    logger,
    clock: systemClock,
    random: Math.random,
    onFatal: fail,
  });
  control.follow(consumer, () => consumersWork('builds', meter.perSecond()));
  const endLooks = await watchRedis(config, stores, living);
  await life.watch(consumer).start();
  logger.info({ event: 'process.started' }, 'started');
  const guarding = guard.run(signal, steeringOf(config, consumer, control.helm)).catch(fail);
  await ended;
  endLooks();
  const report = await consumer.stop(config.STOP_LIMIT_MS);
  await within(systemClock, config.STOP_LIMIT_MS, guarding, undefined);
  await control.end();
  return report;
}

const settingsOf = (config: Config): Partial<ConsumerSettings> => ({
  concurrency: config.ARCHIVE_CONCURRENCY,
  startTimeoutMs: config.START_LIMIT_MS,
  failureRunMax: config.FAILURES_IN_A_ROW_MAX,
  progressDeadlineMs: config.STALL_EXIT_MS,
});

/** The guard's work is shared out like the records, and a pause also pauses the guard. */
function steeringOf(
  { AFTERBUILD_NAMESPACE }: Config,
  consumer: Consumer,
  helm: { readonly effective: Effective },
): Steering {
  const topic = `${AFTERBUILD_NAMESPACE}${topicNames.buildsFinished}`;
  return {
    mode: () => (helm.effective.paused ? 'off' : helm.effective.redisGuard),
    mayBegin: () => consumer.mayBegin(),
    ours: () => {
      const count = consumer.partitionsOf(topic) ?? 0;
      const own = consumer.state().partitions.filter((held) => held.topic === topic);
      const held = new Set(own.map(({ partition }) => partition));
      return (partitionId, buildId) =>
        count > 0 && held.has(partitionOf(`${partitionId}:${buildId}`, count));
    },
  };
}

function surroundingsOf(
  config: Config,
  stores: Stores,
  meter: ItemMeter,
  { logger, metrics, troubles }: Pick<HealthContext, 'logger' | 'metrics' | 'troubles'>,
): Dependencies {
  const rows = new PostgresTraces(stores.connections);
  const failPoint = config.AFTERBUILD_FAIL_POINT;
  return {
    rows,
    objects: stores.traces,
    chunks: {
      rows,
      sharedState: new RedisTraceChunks(stores.sharedState),
      traceChunks: new RedisTraceChunks(stores.traceChunks),
      objects: stores.chunkObjects,
    },
    leases: new RedisTraceLeases(stores.sharedState, config.ARCHIVE_LEASE_MS),
    missing: new RedisMissingChunks(stores.sharedState),
    ending: new ShownEndingTraces({ troubles, metrics, clock: stores.clock }),
    brake: stores.brake,
    counts: createArchiveCounts(metrics, meter),
    rules: {
      settleMs: config.ARCHIVE_SETTLE_MS,
      doubtMs: config.ARCHIVE_DOUBT_MS,
      lostAfterMs: config.ARCHIVE_LOST_AFTER_MS,
      lostReads: config.ARCHIVE_LOST_READS,
      adoptAfterMs: config.ARCHIVE_ADOPT_AFTER_MS,
      bytesMax: config.ARCHIVE_BYTES_MAX,
      saveBeforeMs: config.ARCHIVE_SAVE_BEFORE_MS,
      keepMs: config.ARCHIVE_KEEP_MS,
      keepUntilMs: config.ARCHIVE_KEEP_UNTIL_MS,
    },
    leaseMs: config.ARCHIVE_LEASE_MS,
    budget: new ByteBudget(config.ARCHIVE_HELD_BYTES_MAX),
    clock: stores.clock,
    logger,
    reach: createReachStep(
      failPoint === undefined ? undefined : parseFailPoint(failPoint),
      (signal) => process.kill(process.pid, signal),
    ),
  };
}

function finishedBuilds(
  config: Config,
  registry: Registry,
  around: Dependencies,
): Subscription<BuildFinished> {
  const topic = `${config.AFTERBUILD_NAMESPACE}${topicNames.buildsFinished}`;
  const schema = loadSchema(topicNames.buildsFinished);
  const codec = createCodec<BuildFinished>(registry, { subject: `${topic}-value`, schema });
  return {
    topic,
    start: 'committed',
    decode: async (value) => checkRecord(await codec.decode(value)),
    maxRecords: recordsMax,
    concurrency: 'adaptive',
    isOverload,
    handle: createHandler(around),
    failures: failurePolicy(config.AFTERBUILD_NAMESPACE, group, [
      'postgres',
      'redis',
      's3',
      'brake',
    ]),
  };
}
