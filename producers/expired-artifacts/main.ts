/** Starts the process that finds expired artifacts: reads the settings, connects the servers, runs. */
import { createCodec, createWriterDecoder, type Codec } from '../../lib/avro/codec';
import { openRegistry } from '../../lib/avro/open-registry';
import { loadSchema } from '../../lib/avro/schema-file';
import { refuseDatabase } from '../../lib/brake/decide';
import { artifactTable } from '../../lib/connect/needed-tables';
import { createStreamWatch } from '../../lib/connect/watch-stream';
import { openControl } from '../../lib/control/open-control';
import { createTopicAdmin, type TopicAdmin } from '../../lib/kafka/topics/admin';
import { createKafka } from '../../lib/kafka/kafkajs/create-kafka';
import type { Consumer } from '../../lib/runtime/consumer';
import { asMember } from '../../lib/runtime/membership-guard';
import { createProducer, type RecordProducer } from '../../lib/kafka/producer';
import { createConsumer } from '../../lib/runtime/member/create-consumer';
import { topicNames } from '../../lib/kafka/topics/topics';
import { countProduced } from '../../lib/metrics/effects';
import { systemClock as clock } from '../../lib/process/clock';
import {
  ConfigError,
  expiredArtifactsSchema,
  loadConfig,
  type Environment,
} from '../../lib/process/config';
import type { ExitCode } from '../../lib/process/exit-codes';
import { withHealth, type HealthContext } from '../../lib/service/health';
import { runProcess } from '../../lib/service/run-process';
import { createReachStep, parseFailPoint, type ReachStep } from '../../lib/process/steps';
import { untilReachable, type Waiting } from '../../lib/service/until-reachable';
import { UnsupportedPartitionError } from '../../lib/stores/postgres/due-statements';
import { PostgresArtifactDatabase } from '../../lib/stores/postgres/expired-artifacts';
import { readIdentity } from '../../lib/stores/postgres/identity';
import { PostgresPool, postgresSettings } from '../../lib/stores/postgres/pool';
import type { ArtifactsExpired, SweepProgress } from '../../schemas/generated';
import { KafkaExpiredTopic, KafkaProgressTopic } from './kafka-topics';
import { createPipeline, type Config, type PipelineContext } from './pipeline';

const name = 'expired-artifacts';
const deletingGroup = 'artifact-deleter';
/** Pages of several shards and checks of several lanes side by side. */
const connectionsMax = 6;

/**
 * Runs until SIGTERM, SIGINT or a failure that waiting cannot repair.
 * @returns the exit code (`lib/process/exit-codes.ts`); an error that prevents the start is logged, not thrown.
 */
export const run = (environment: Environment): Promise<ExitCode> =>
  runProcess(name, environment, (context) => {
    const config = loadConfig(expiredArtifactsSchema, environment);
    return withHealth(name, config, context, (living) => work(config, living));
  });

async function work(config: Config, context: HealthContext): Promise<{ clean: boolean }> {
  const reach = reachOf(config);
  const closers: (() => Promise<void>)[] = [];
  try {
    const around = await connect(config, context, reach, closers);
    const pipeline = createPipeline(around);
    await pipeline.start();
    context.logger.info({ event: 'process.started' }, 'started');
    await context.ended;
    return { clean: await pipeline.stop(config.STOP_LIMIT_MS) };
  } finally {
    for (const close of closers.reverse()) await close();
  }
}

function reachOf(config: Config): ReachStep {
  const failPoint = config.AFTERBUILD_FAIL_POINT;
  return createReachStep(
    failPoint === undefined ? undefined : parseFailPoint(failPoint),
    (signal) => process.kill(process.pid, signal),
  );
}

/** @param closers gets the functions that close resources, in the order of opening. */
async function connect(
  config: Config,
  { logger, signal, fail: onFatal, ...life }: HealthContext,
  reach: ReachStep,
  closers: (() => Promise<void>)[],
): Promise<PipelineContext> {
  const waiting = { clock, logger, limitMs: config.START_LIMIT_MS, signal };
  const pool = new PostgresPool(postgresSettings(config, name, { connectionsMax }));
  closers.push(() => pool.close());
  await refuseOtherDatabase(pool, config, waiting);
  const kafka = createKafka(config, name, logger);
  const counted = countProduced(createProducer(kafka), life.metrics);
  const member: { consumer?: Consumer } = {};
  const producer = asMember(counted, () => member.consumer?.mayBegin() ?? false);
  const admin = createTopicAdmin(kafka, { namespace: config.AFTERBUILD_NAMESPACE });
  closers.push(...[producer, admin].map((one) => () => one.disconnect()));
  const { expired, progress } = await openTopics(config, producer, admin, waiting);
  const control = openControl({
    ...{ process: name, work: topicNames.artifactChanges, clock, logger },
    namespace: config.AFTERBUILD_NAMESPACE,
    ...{ troubles: life.troubles, setAside: life.setAside, metrics: life.metrics },
    registry: openRegistry(config),
    createProducer: () => createProducer(kafka),
  });
  return {
    ...{ config, logger, clock, reach, onFatal, random: Math.random, expired },
    ...{ troubles: life.troubles, setAside: life.setAside },
    database: new PostgresArtifactDatabase(pool, config.SWEEP_MARGIN_MS),
    progressPartitions: progress.partitions,
    createProgress: (onWritten) => {
      const { partitions, topic, codec } = progress;
      return new KafkaProgressTopic(partitions, topic, producer, codec, onWritten);
    },
    createConsumer: (subscriptions) =>
      (member.consumer = life.watch(
        createConsumer({
          ...{ kafka, subscriptions, logger, clock, onFatal, observer: life.observer },
          group: topicOf(config, name),
          random: Math.random,
          settings: settingsOf(config),
        }),
      )),
    decodeChange: createWriterDecoder<unknown>(openRegistry(config)),
    decodeProgress: (bytes) => progress.codec.decode(bytes),
    ...{ control, watchStream: watchOf(config, pool, admin), topics: topicsOf(config) },
    isFinal: (error) => error instanceof UnsupportedPartitionError,
  };
}

const watchOf = (config: Config, pool: PostgresPool, topics: TopicAdmin) =>
  createStreamWatch({ settings: config, table: artifactTable, pool, topics, restarts: true });

const topicsOf = (config: Config): PipelineContext['topics'] => ({
  changes: topicOf(config, topicNames.artifactChanges),
  progress: topicOf(config, topicNames.progress),
});

async function openTopics(
  config: Config,
  producer: RecordProducer,
  admin: TopicAdmin,
  waiting: Waiting,
) {
  const brokers = `Kafka at ${config.KAFKA_BROKERS.join(', ')}`;
  const connectBoth = () => Promise.all([producer.connect(), admin.connect()]);
  await untilReachable(brokers, connectBoth, waiting);
  const registry = `The schema registry at ${config.SCHEMA_REGISTRY_URL}`;
  const openBoth = async () => ({
    expired: await openExpired(config, producer, admin),
    progress: await openProgress(config, admin),
  });
  return untilReachable(registry, openBoth, waiting);
}

const settingsOf = (config: Config) => ({
  startTimeoutMs: config.START_LIMIT_MS,
  progressDeadlineMs: config.STALL_EXIT_MS,
  letterRunMax: config.FAILURES_IN_A_ROW_MAX,
});

const topicOf = (config: Config, topic: string): string => `${config.AFTERBUILD_NAMESPACE}${topic}`;

async function openExpired(
  config: Config,
  producer: RecordProducer,
  admin: TopicAdmin,
): Promise<KafkaExpiredTopic> {
  const topic = topicOf(config, topicNames.artifactsExpired);
  const codec = codecOf<ArtifactsExpired>(config, topicNames.artifactsExpired);
  await codec.register();
  const partitions = (await admin.ends(topic)).length;
  const group = topicOf(config, deletingGroup);
  return new KafkaExpiredTopic(partitions, topic, group, producer, codec, admin);
}

async function openProgress(config: Config, admin: TopicAdmin) {
  const topic = topicOf(config, topicNames.progress);
  const codec = codecOf<SweepProgress>(config, topicNames.progress);
  await codec.register();
  return { topic, codec, partitions: (await admin.ends(topic)).length };
}

const codecOf = <V>(config: Config, topic: string): Codec<V> =>
  createCodec<V>(openRegistry(config), {
    subject: `${topicOf(config, topic)}-value`,
    schema: loadSchema(topic),
    isState: topic === topicNames.progress,
  });

/** While it runs, a standby or another database only holds it (`database-guard.ts`). */
async function refuseOtherDatabase(
  pool: PostgresPool,
  config: Config,
  waiting: Waiting,
): Promise<void> {
  const postgres = `PostgreSQL at ${config.POSTGRES_HOST}:${config.POSTGRES_PORT}`;
  const database = await untilReachable(postgres, () => pool.withSession(readIdentity), waiting);
  const refusal = refuseDatabase(database, {
    systemIdentifier: config.POSTGRES_SYSTEM_IDENTIFIER,
    databaseName: config.POSTGRES_DATABASE,
  });
  if (refusal !== undefined) throw new ConfigError(refusal);
}
