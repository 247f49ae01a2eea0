/** Composition root: environment → adapters → brake → handler → runtime → signals. */
import type { ArtifactsExpired, Control } from '../../schemas/generated';
import { createCodec } from '../../lib/avro/codec';
import { createRegistry, type Registry } from '../../lib/avro/registry';
import { loadSchema } from '../../lib/avro/schema-file';
import { Brake } from '../../lib/brake/brake';
import { DeletionBudget } from '../../lib/brake/deletion-budget';
import { createKafka } from '../../lib/kafka/connection';
import type { Consumer } from '../../lib/kafka/consumer';
import { done } from '../../lib/kafka/outcome';
import { createConsumer } from '../../lib/kafka/run-consumer';
import type { Subscription } from '../../lib/kafka/subscription';
import { topicNames, topics } from '../../lib/kafka/topics';
import { systemClock } from '../../lib/process/clock';
import {
  artifactDeleterSchema,
  type Environment,
  loadConfig,
  readSecret,
} from '../../lib/process/config';
import { createLogger, type Logger } from '../../lib/process/logger';
import { createReachStep, parseFailPoint } from '../../lib/process/steps';
import { PostgresArtifacts } from '../../lib/stores/postgres/artifacts';
import { readIdentity } from '../../lib/stores/postgres/identity';
import { PostgresPool, postgresSettings } from '../../lib/stores/postgres/pool';
import { S3Objects, s3Settings } from '../../lib/stores/s3/objects';
import { createHandler } from './handler';

type Config = ReturnType<typeof loadConfig<typeof artifactDeleterSchema>>;

/** The group whose progress counts; a dry run has one of its own, or it would eat the live one's records. */
const group = 'artifact-deleter';
const stopLimitMs = 15_000;
/** Records of one key and partition_id that one statement may take together. */
const recordsMax = 200;

/**
 * Runs until SIGTERM or SIGINT. @returns the exit code: 0 after a clean stop, 1 otherwise.
 * What prevents the start is logged as one sentence, not thrown.
 */
export async function run(environment: Environment): Promise<number> {
  const logger = createLogger(group, environment['LOG_LEVEL'] ?? 'info');
  try {
    return await runWith(loadConfig(artifactDeleterSchema, environment), logger);
  } catch (error) {
    logger.fatal({ event: 'process.failed', err: error }, (error as Error).message);
    return 1;
  }
}

async function runWith(config: Config, logger: Logger): Promise<number> {
  const pool = createPool(config);
  const objects = new S3Objects(s3Settings(config));
  try {
    await pool.connections.withSession(readIdentity);
    const tags = await objects.bucketTags();
    pool.brake.checkBucket(tags, config.S3_BUCKET_TAG, config.S3_BUCKET);
    return await consume(config, logger, { ...pool, objects });
  } finally {
    objects.close();
    await pool.connections.close();
  }
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
  });
  const connections: PostgresPool = new PostgresPool(settings, async (session) => {
    await brake.checkConnection(() => readIdentity(session));
  });
  return { connections, brake };
}

async function consume(config: Config, logger: Logger, stores: Stores): Promise<number> {
  const ended = Promise.withResolvers<Error | undefined>();
  const registry = createRegistry({
    url: config.SCHEMA_REGISTRY_URL,
    ...(config.SCHEMA_REGISTRY_USERNAME !== undefined &&
    config.SCHEMA_REGISTRY_PASSWORD_FILE !== undefined
      ? {
          username: config.SCHEMA_REGISTRY_USERNAME,
          password: readSecret(
            'SCHEMA_REGISTRY_PASSWORD_FILE',
            config.SCHEMA_REGISTRY_PASSWORD_FILE,
          ),
        }
      : {}),
    clock: systemClock,
  });
  const consumer = createConsumer({
    kafka: createKafka(config, group, logger),
    group: `${config.AFTERBUILD_NAMESPACE}${group}${config.DELETE_DRY_RUN ? '.dry-run' : ''}`,
    subscriptions: [
      expiredArtifacts(config, logger, registry, stores),
      decisions(config, registry, stores.brake),
    ],
    settings: { concurrency: config.DELETE_CONCURRENCY },
    logger,
    clock: systemClock,
    random: Math.random,
    onFatal: (error) => ended.resolve(error),
  });
  return runUntilEnded(consumer, logger, ended);
}

async function runUntilEnded(
  consumer: Consumer,
  logger: Logger,
  ended: PromiseWithResolvers<Error | undefined>,
): Promise<number> {
  const stop = (): void => ended.resolve(undefined);
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
  try {
    await consumer.start();
    logger.info({ event: 'process.started' }, 'started');
    const fatal = await ended.promise;
    if (fatal) logger.fatal({ event: 'process.failed', err: fatal }, fatal.message);
    const { clean } = await consumer.stop(stopLimitMs);
    logger.info({ event: 'process.stopped', clean }, 'stopped');
    return fatal || !clean ? 1 : 0;
  } finally {
    process.off('SIGTERM', stop);
    process.off('SIGINT', stop);
  }
}

function expiredArtifacts(
  config: Config,
  logger: Logger,
  registry: Registry,
  { brake, connections, objects }: Stores,
): Subscription<ArtifactsExpired> {
  const topic = `${config.AFTERBUILD_NAMESPACE}${topicNames.artifactsExpired}`;
  const schema = loadSchema(topicNames.artifactsExpired);
  const codec = createCodec<ArtifactsExpired>(registry, { subject: `${topic}-value`, schema });
  const budget = new DeletionBudget({
    perMinuteMax: config.DELETIONS_PER_MINUTE_MAX,
    partitionsTotal: partitionsOf(topicNames.artifactsExpired),
  });
  const failPoint = config.AFTERBUILD_FAIL_POINT;
  const handle = createHandler({
    rows: new PostgresArtifacts(connections),
    objects,
    brake,
    allowance: budget,
    rowsMax: config.DELETE_ROWS_MAX,
    dryRun: config.DELETE_DRY_RUN,
    clock: systemClock,
    logger,
    reach: createReachStep(
      failPoint === undefined ? undefined : parseFailPoint(failPoint),
      (signal) => process.kill(process.pid, signal),
    ),
  });
  return {
    topic,
    start: 'committed',
    decode: async (value) => codec.decode(value),
    maxRecords: recordsMax,
    maxWeight: config.DELETE_ROWS_MAX,
    weigh: ({ artifacts }) => artifacts.length,
    handle,
    onAssigned: (partition) => budget.assigned(partition),
    onLost: (partition) => budget.lost(partition),
  };
}

const partitionsOf = (topic: string): number =>
  topics.find(({ name }) => name === topic)?.partitions ?? 1;

/** What operators decided, from the beginning of time, in every instance. */
function decisions(config: Config, registry: Registry, brake: Brake): Subscription<Control | null> {
  const topic = `${config.AFTERBUILD_NAMESPACE}${topicNames.control}`;
  const schema = loadSchema(topicNames.control);
  const codec = createCodec<Control>(registry, { subject: `${topic}-value`, schema });
  return {
    topic,
    start: 'beginning',
    readers: 'every-member',
    decode: async (value) => (value === null ? null : codec.decode(value)),
    maxRecords: 100,
    handle: (records) => {
      for (const { value } of records) brake.learn(value);
      return Promise.resolve(records.map(() => done));
    },
    onCaughtUp: () => brake.decisionsRead(),
  };
}
