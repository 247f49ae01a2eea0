/**
 * One process of the pipeline, from its settings to its exit code: connects in order, reads its topic as a member of a
 * group until it is asked to end, drains, and closes in the reverse order. The same for producers and consumers.
 */
import { createCodec, type Codec } from '../avro/codec';
import { openRegistry } from '../avro/open-registry';
import type { Registry } from '../avro/registry';
import { loadSchema } from '../avro/schema-file';
import type { ControlClient } from '../control/control-client';
import type { RedisView } from '../control/instance-status';
import { openControl } from '../control/open-control';
import type { ReadSourceWork } from '../control/source-work';
import { createKafka, type KafkaClient } from '../kafka/kafkajs/create-kafka';
import { createProducer } from '../kafka/producer';
import { systemClock, type Clock } from '../process/clock';
import type { Connections, Environment } from '../process/config';
import type { ExitCode } from '../process/exit-codes';
import type { ProcessName } from '../process/processes';
import { createReachStep, parseFailPoint, type ReachStep } from '../process/steps';
import type { Consumer, StopReport } from '../runtime/consumer';
import { createConsumer } from '../runtime/member/create-consumer';
import type { ConsumerSettings } from '../runtime/settings';
import type { Stretch } from '../runtime/stretch';
import type { AnySubscription } from '../runtime/subscription';
import type { Control } from '../../schemas/generated';
import { withHealth, type HealthContext, type HealthSettings } from './health';
import { runProcess } from './run-process';
import type { Waiting } from './until-reachable';

/** What every process of the pipeline is configured with. */
export type GroupSettings = HealthSettings &
  Pick<
    Connections,
    | 'AFTERBUILD_NAMESPACE'
    | 'AFTERBUILD_FAIL_POINT'
    | 'CLEAR_TEXT_PASSWORDS'
    | 'FAILURES_IN_A_ROW_MAX'
    | 'KAFKA_BROKERS'
    | 'KAFKA_METADATA_MAX_AGE_MS'
    | 'KAFKA_SASL_MECHANISM'
    | 'KAFKA_SASL_PASSWORD_FILE'
    | 'KAFKA_SASL_USERNAME'
    | 'KAFKA_TLS_CA_FILE'
    | 'SCHEMA_REGISTRY_PASSWORD_FILE'
    | 'SCHEMA_REGISTRY_URL'
    | 'SCHEMA_REGISTRY_USERNAME'
    | 'START_LIMIT_MS'
  >;

/** A process of the pipeline, as its `main.ts` declares it. */
export interface GroupProcess<Config extends GroupSettings> {
  readonly name: ProcessName;
  /** Name in `topics.ts` of the topic of its work. */
  readonly topic: string;
  /** @throws ConfigError that names every wrong or missing variable. */
  readonly readSettings: (environment: Environment) => Config;
  /** Between 0 and 1, for jitter. */
  readonly random: () => number;
  /** Appended to the group's name; none by default. */
  readonly groupSuffix?: (config: Config) => string;
  /**
   * Connects what the work needs, and checks it; what is open is closed by `closeAtEnd`. Reads nothing from Kafka and
   * has no effect. @throws errors that prevent the start.
   */
  readonly open: (context: GroupContext<Config>) => Promise<GroupWork>;
}

type Close = () => Promise<void> | void;

/** What a process gets to open its work with. */
export interface GroupContext<Config extends GroupSettings> extends Omit<HealthContext, 'watch'> {
  readonly name: ProcessName;
  readonly config: Config;
  readonly clock: Clock;
  readonly random: () => number;
  readonly reach: ReachStep;
  readonly kafka: KafkaClient;
  readonly registry: Registry;
  /** The flags of operators. */
  readonly control: ControlClient;
  /** For `untilReachable`. */
  readonly waiting: Waiting;
  /** False for a replay of whose records an operator has said that rows are gone while their objects are there. */
  readonly countsAbsence: boolean;
  /** Whether an effect may begin; false before the group was joined. */
  readonly mayBegin: () => boolean;
  /** How many partitions a topic of the group has; null before the group was joined. */
  readonly partitionsOf: (topic: string) => number | null;
  /** Closed after the consumer has stopped, the last one first; also when the start fails. */
  readonly closeAtEnd: (close: Close) => void;
  /** @param name in `topics.ts`. @returns the full name, namespace included. */
  readonly topicNamed: (name: string) => string;
  /** For values of the topic. @param name in `topics.ts`. @param isState as in `createCodec`. */
  readonly codecOf: <V>(name: string, isState?: boolean) => Codec<V>;
}

/** The opened work of a process: what its group reads, and what runs beside it. */
export interface GroupWork {
  readonly subscription: AnySubscription;
  /** The topic of state that says how far the sweeps of the process have come. */
  readonly progress?: AnySubscription;
  /** A decision of an operator; null was removed. */
  readonly onDecision: (decision: Control | null) => void;
  /** All earlier decisions are known. */
  readonly onDecisionsRead: () => void;
  /** Micro-batches that run at once; the runtime's default if left out. */
  readonly concurrency?: number;
  readonly sourceWork: ReadSourceWork;
  readonly redis?: () => RedisView;
  /** Begins what runs beside the records (a watchdog, a guard), once the group has been joined. */
  readonly begin?: (consumer: Consumer) => Beside;
}

/** What runs beside the records. */
export interface Beside {
  /** Called before the consumer stops. */
  readonly stop: () => void;
  /** Called when the consumer has stopped: resolves when nothing runs any more. */
  readonly stopped: () => Promise<unknown>;
}

/** As which group the work is done. */
export interface Membership {
  /** Full name, namespace included. */
  readonly group: string;
  /** What the group reads, of what the process declares and the topic of operators' decisions. */
  readonly subscriptions: (work: GroupWork, decisions: AnySubscription) => AnySubscription[];
  /** Whether what runs beside the records runs as well. */
  readonly runsBeside: boolean;
  /** A replay: only this is read, and the status of the process says nothing of it. */
  readonly stretch?: Stretch;
  /** As in `GroupContext`; true by default. */
  readonly countsAbsence?: boolean;
}

/**
 * Runs until SIGTERM, SIGINT or a failure that waiting cannot repair.
 * @returns the exit code (`lib/process/exit-codes.ts`); an error that prevents the start is logged, not thrown.
 */
export const runGroup = <Config extends GroupSettings>(
  process: GroupProcess<Config>,
  environment: Environment,
): Promise<ExitCode> =>
  runProcess(process.name, environment, (context) => {
    const config = process.readSettings(environment);
    const suffix = process.groupSuffix?.(config) ?? '';
    const membership: Membership = {
      group: `${config.AFTERBUILD_NAMESPACE}${process.name}${suffix}`,
      subscriptions: ({ progress, subscription }, decisions) => [
        ...(progress === undefined ? [] : [progress]),
        decisions,
        subscription,
      ],
      runsBeside: true,
    };
    return withHealth(process.name, config, context, (health) =>
      workAs(membership, process, config, health),
    );
  });

/**
 * Does the work of a process as a member of the given group, until `context.ended` resolves.
 * @throws errors that prevent the start.
 */
export async function workAs<Config extends GroupSettings>(
  membership: Membership,
  process: GroupProcess<Config>,
  config: Config,
  context: HealthContext,
): Promise<StopReport> {
  const closers: Close[] = [];
  try {
    return await work(membership, process, config, context, closers);
  } finally {
    for (const close of closers.reverse()) {
      try {
        await close();
      } catch (err) {
        // One that cannot be closed neither keeps the others open nor hides how the work ended.
        context.logger.warn({ event: 'close.failed', err }, 'a connection could not be closed');
      }
    }
  }
}

async function work<Config extends GroupSettings>(
  membership: Membership,
  process: GroupProcess<Config>,
  config: Config,
  health: HealthContext,
  closers: Close[],
): Promise<StopReport> {
  const { logger, ended, fail, observer } = health;
  const { random } = process;
  const kafka = createKafka(config, process.name, logger);
  const registry = openRegistry(config);
  const control = openControlOf(process, config, health, kafka, registry);
  const member: { consumer?: Consumer } = {};
  const opened = await process.open({
    ...contextOf(process, config, health, registry),
    ...{ kafka, control: control.client },
    countsAbsence: membership.countsAbsence ?? true,
    mayBegin: () => member.consumer?.mayBegin() ?? false,
    partitionsOf: (topic) => member.consumer?.partitionsOf(topic) ?? null,
    closeAtEnd: (close) => void closers.push(close),
  });
  const decisions = control.client.subscription({
    onDecision: opened.onDecision,
    onCaughtUp: opened.onDecisionsRead,
  });
  const subscriptions = membership.subscriptions(opened, decisions);
  const options = { kafka, logger, clock: systemClock, random, observer, onFatal: fail };
  const settings = settingsOf(config, opened);
  const consumer = createConsumer({
    ...options,
    ...{ group: membership.group, subscriptions, settings, stretch: membership.stretch },
  });
  member.consumer = health.watch(consumer);
  if (membership.stretch) control.client.follow(consumer);
  else control.follow(consumer, opened.sourceWork, opened.redis);
  await consumer.start();
  const beside = membership.runsBeside ? opened.begin?.(consumer) : undefined;
  logger.info({ event: 'process.started' }, 'started');
  await ended;
  beside?.stop();
  const report = await consumer.stop(config.STOP_LIMIT_MS);
  await beside?.stopped();
  await control.end();
  return report;
}

type OfMembership =
  'kafka' | 'control' | 'countsAbsence' | 'mayBegin' | 'partitionsOf' | 'closeAtEnd';

function contextOf<Config extends GroupSettings>(
  { name, random }: GroupProcess<Config>,
  config: Config,
  health: HealthContext,
  registry: Registry,
): Omit<GroupContext<Config>, OfMembership> {
  const { logger, signal } = health;
  const topicNamed = (topic: string): string => `${config.AFTERBUILD_NAMESPACE}${topic}`;
  return {
    ...{ ...health, name, config, registry, random, topicNamed, reach: reachOf(config) },
    clock: systemClock,
    waiting: { clock: systemClock, logger, limitMs: config.START_LIMIT_MS, signal },
    codecOf: (topic, isState = false) => {
      const subject = `${topicNamed(topic)}-value`;
      return createCodec(registry, { subject, schema: loadSchema(topic), isState });
    },
  };
}

function openControlOf<Config extends GroupSettings>(
  { name, topic }: GroupProcess<Config>,
  { AFTERBUILD_NAMESPACE: namespace }: Config,
  { logger, metrics, setAside, troubles }: HealthContext,
  kafka: KafkaClient,
  registry: Registry,
): ReturnType<typeof openControl> {
  return openControl({
    ...{ process: name, work: topic, namespace, registry, clock: systemClock, logger },
    ...{ troubles, setAside, metrics, createProducer: () => createProducer(kafka) },
  });
}

const settingsOf = (
  config: GroupSettings,
  { concurrency }: GroupWork,
): Partial<ConsumerSettings> => ({
  startTimeoutMs: config.START_LIMIT_MS,
  failureRunMax: config.FAILURES_IN_A_ROW_MAX,
  progressDeadlineMs: config.STALL_EXIT_MS,
  ...(concurrency === undefined ? {} : { concurrency }),
});

function reachOf({ AFTERBUILD_FAIL_POINT: failPoint }: GroupSettings): ReachStep {
  return createReachStep(
    failPoint === undefined ? undefined : parseFailPoint(failPoint),
    (signal) => process.kill(process.pid, signal),
  );
}
