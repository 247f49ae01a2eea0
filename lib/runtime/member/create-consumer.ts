/** Makes a consumer: the runtime on a kafkajs client. It checks the settings, and its start has a time limit. */
import type { Consumer, StopReport } from '../consumer';
import { KafkaJsClient } from '../../kafka/kafkajs/client';
import { UnreachableError } from '../../process/unreachable-error';
import { asError } from '../../process/is-error';
import { FailurePublisher } from '../failures/failure-publisher';
import {
  groupNeed,
  nameRefusal,
  principalOf,
  topicNeed,
  type Need,
} from '../../kafka/missing-right';
import { createProducer, type ProducerPatience, type RecordProducer } from '../../kafka/producer';
import { Runtime } from './runtime';
import { SharedSteering } from './shared-steering';
import { StretchClient } from './stretch-client';
import { checkSettings, defaultSettings, type ConsumerSettings } from '../settings';
import type { Stretch, StretchConsumerOptions } from '../stretch';
import { type AnySubscription, withRetryTopics } from '../subscription';

const stopAfterFailedStartMs = 5_000;
/**
 * A lane waits while its failed records are written, and a drain waits for the lane: so the producer gives up early.
 */
const publisherPatience: ProducerPatience = { retries: 1, sendTimeoutMs: 3_000 };

/** @throws Error when settings or subscriptions contradict each other. Nothing is connected before `start`. */
export function createConsumer(options: StretchConsumerOptions): Consumer {
  const settings = { ...defaultSettings, ...options.settings };
  const subscriptions = subscriptionsOf(options);
  checkSettings(settings);
  checkSubscriptions(subscriptions);
  const { kafka, group, stretch, clock, random } = options;
  const logger = options.logger.child({ group });
  const topics = subscriptions.map(({ topic, readers }) => ({
    topic,
    everyMember: readers === 'every-member',
  }));
  const member = new KafkaJsClient({ kafka, group, topics, settings, logger, clock, random });
  const client = stretch === undefined ? member : new StretchClient(member, stretch);
  const producer = createProducer(kafka, publisherPatience);
  const publisher = new FailurePublisher(producer, stretch?.liveGroup ?? group, clock);
  const onFatal = (error: Error): void =>
    options.onFatal(asError(nameRefusal(principalOf(kafka), error, needsOf(options))));
  const context = { ...options, onFatal, subscriptions, client, settings, logger, publisher };
  const runtime = new Runtime(context);
  const steer = steeringOf(runtime, stretch);
  let starting: Promise<void> | null = null;
  let stopping: Promise<StopReport> | null = null;
  return {
    start: () => (starting ??= startWithin(runtime, producer, options, settings)),
    stop: (deadlineMs) => (stopping ??= stop(runtime, producer, deadlineMs)),
    state: () => runtime.state(),
    partitionsOf: (topic) => member.partitionsOf(topic),
    ready: () => runtime.ready(),
    mayBegin: () => client.mayBegin(),
    steer,
    hint: (dependency, untilMs) => runtime.hint(dependency, untilMs),
  };
}

/** A replay reads no retry topic: what is there is the live group's. */
const subscriptionsOf = ({ subscriptions, stretch }: StretchConsumerOptions): AnySubscription[] =>
  stretch === undefined
    ? subscriptions.flatMap(withRetryTopics)
    : subscriptions.filter(({ topic, start }) => topic === stretch.topic || start === 'beginning');

function steeringOf(runtime: Runtime, stretch: Stretch | undefined): Consumer['steer'] {
  if (stretch === undefined) return (steering) => runtime.steer(steering);
  const shared = new SharedSteering((to) => runtime.steer(to), stretch.recordsPerSecond);
  stretch.begin({ state: () => runtime.state(), hold: (isHeld) => shared.hold(isHeld) });
  return (steering) => shared.steer(steering);
}

async function stop(
  runtime: Runtime,
  producer: RecordProducer,
  deadlineMs: number,
): Promise<StopReport> {
  const report = await runtime.stop(deadlineMs);
  await producer.disconnect().catch(() => undefined);
  return report;
}

async function startWithin(
  runtime: Runtime,
  producer: RecordProducer,
  options: StretchConsumerOptions,
  settings: ConsumerSettings,
): Promise<void> {
  const topics = options.subscriptions.map(({ topic }) => topic).join(', ');
  const started = new AbortController();
  try {
    await Promise.race([
      Promise.all([runtime.start(), producer.connect()]),
      options.clock.sleep(settings.startTimeoutMs, started.signal).then(() => {
        throw new UnreachableError(
          `no broker answered, or the group could not be joined, within ${settings.startTimeoutMs} ms`,
        );
      }),
    ]);
  } catch (given) {
    await stop(runtime, producer, stopAfterFailedStartMs);
    const error = nameRefusal(principalOf(options.kafka), given, needsOf(options));
    if (error !== given) throw error;
    throw new Error(
      `The consumer group ${options.group} could not start reading ${topics}: ${asError(error).message}. ` +
        'Check that Kafka is reachable and that the topics exist (afterbuild topics plan).',
      { cause: error },
    );
  } finally {
    started.abort();
  }
}

/** Kafka does not name the refused topic. */
function needsOf(options: StretchConsumerOptions): Need[] {
  const { group } = options;
  const topics = subscriptionsOf(options).map(({ topic }) => topic);
  return [topicNeed('READ', ...topics), groupNeed('READ', group)];
}

function checkSubscriptions(subscriptions: readonly AnySubscription[]): void {
  const seen = new Set<string>();
  for (const subscription of subscriptions) {
    const { topic, start, readers, maxRecords, maxWeight } = subscription;
    if (seen.has(topic)) throw new Error(`${topic} is subscribed to twice.`);
    seen.add(topic);
    if (maxRecords < 1) throw new Error(`${topic}: maxRecords must be at least 1.`);
    if (maxWeight !== undefined && !subscription.weigh)
      throw new Error(`${topic}: maxWeight needs weigh.`);
    if (readers === 'every-member' && start !== 'beginning') {
      throw new Error(`${topic}: only a topic read from the beginning can go to every member.`);
    }
  }
}
