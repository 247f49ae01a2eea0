/** Starts the process that finds finished builds: reads the settings, connects the servers, runs. */
import { createCodec, createWriterDecoder, type Codec } from '../../lib/avro/codec';
import { openRegistry } from '../../lib/avro/open-registry';
import { loadSchema } from '../../lib/avro/schema-file';
import { refuseDatabase } from '../../lib/brake/decide';
import { buildTable } from '../../lib/connect/needed-tables';
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
  finishedBuildsSchema,
  loadConfig,
  type Environment,
} from '../../lib/process/config';
import type { ExitCode } from '../../lib/process/exit-codes';
import { withHealth, type HealthContext } from '../../lib/service/health';
import { runProcess } from '../../lib/service/run-process';
import { createReachStep, parseFailPoint, type ReachStep } from '../../lib/process/steps';
import { untilReachable, type Waiting } from '../../lib/service/until-reachable';
import { readIdentity } from '../../lib/stores/postgres/identity';
import { PostgresPool, postgresSettings } from '../../lib/stores/postgres/pool';
import { PostgresBuildDatabase } from '../../lib/stores/postgres/stale-builds';
import type { BuildFinished, StaleProgress } from '../../schemas/generated';
import { KafkaCursorTopic, KafkaFinishedTopic } from './kafka-topics';
import { createPipeline, type Config, type PipelineContext } from './pipeline';

const name = 'finished-builds';
const archivingGroup = 'trace-archiver';
/** Pages of several slices and checks of several lanes side by side. */
const connectionsMax = 6;

/**
 * Runs until SIGTERM, SIGINT or a failure that waiting cannot repair.
 * @returns the exit code (`lib/process/exit-codes.ts`); an error that prevents the start is logged, not thrown.
 */
export const run = (environment: Environment): Promise<ExitCode> =>
  runProcess(name, environment, (context) => {
    const config = loadConfig(finishedBuildsSchema, environment);
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
  const opened = await openTopics(config, admin, producer, closers, waiting);
  const control = openControl({
    ...{ process: name, work: topicNames.buildChanges, clock, logger },
    namespace: config.AFTERBUILD_NAMESPACE,
    ...{ troubles: life.troubles, setAside: life.setAside, metrics: life.metrics },
    registry: openRegistry(config),
    createProducer: () => createProducer(kafka),
  });
  return {
    ...{ config, logger, clock, reach, onFatal, random: Math.random, ...opened },
    troubles: life.troubles,
    setAside: life.setAside,
    database: new PostgresBuildDatabase(pool),
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
    ...{ control, watchStream: watchOf(config, pool, admin) },
    topics: {
      changes: topicOf(config, topicNames.buildChanges),
      cursors: topicOf(config, topicNames.staleProgress),
    },
  };
}

const watchOf = (config: Config, pool: PostgresPool, topics: TopicAdmin) =>
  createStreamWatch({ settings: config, table: buildTable, pool, topics, restarts: false });

type Opened = Pick<PipelineContext, 'finished' | 'slices' | 'createCursors' | 'decodeCursor'>;

async function openTopics(
  config: Config,
  admin: TopicAdmin,
  producer: RecordProducer,
  closers: (() => Promise<void>)[],
  waiting: Waiting,
): Promise<Opened> {
  closers.push(
    () => producer.disconnect(),
    () => admin.disconnect(),
  );
  const brokers = `Kafka at ${config.KAFKA_BROKERS.join(', ')}`;
  const connectBoth = () => Promise.all([producer.connect(), admin.connect()]);
  await untilReachable(brokers, connectBoth, waiting);
  const builds = codecOf<BuildFinished>(config, topicNames.buildsFinished);
  const cursors = codecOf<StaleProgress>(config, topicNames.staleProgress);
  const registry = `The schema registry at ${config.SCHEMA_REGISTRY_URL}`;
  const registerBoth = () => Promise.all([builds.register(), cursors.register()]);
  await untilReachable(registry, registerBoth, waiting);
  const topic = topicOf(config, topicNames.buildsFinished);
  const cursorTopic = topicOf(config, topicNames.staleProgress);
  const group = topicOf(config, archivingGroup);
  return {
    finished: new KafkaFinishedTopic(topic, group, producer, builds, admin),
    slices: (await admin.ends(cursorTopic)).length,
    createCursors: (onWritten) => new KafkaCursorTopic(cursorTopic, producer, cursors, onWritten),
    decodeCursor: (bytes) => cursors.decode(bytes),
  };
}

const settingsOf = (config: Config) => ({
  startTimeoutMs: config.START_LIMIT_MS,
  progressDeadlineMs: config.STALL_EXIT_MS,
  letterRunMax: config.FAILURES_IN_A_ROW_MAX,
});

const topicOf = (config: Config, topic: string): string => `${config.AFTERBUILD_NAMESPACE}${topic}`;

const codecOf = <V>(config: Config, topic: string): Codec<V> =>
  createCodec<V>(openRegistry(config), {
    subject: `${topicOf(config, topic)}-value`,
    schema: loadSchema(topic),
    isState: topic === topicNames.staleProgress,
  });

/** While it runs, a standby or another database only holds it (`lib/brake/database-guard.ts`). */
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
