/** Makes a consumer: the runtime on a kafkajs client. It checks the settings, and its start has a time limit. */
import type { Consumer, ConsumerOptions, StopReport } from '../consumer';
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
import { checkSettings, defaultSettings, type ConsumerSettings } from '../settings';
import { type AnySubscription, withRetryTopics } from '../subscription';

const stopAfterFailedStartMs = 5_000;
/**
 * A lane waits while its failed records are written, and a drain waits for the lane: so the producer gives up early.
 */
const publisherPatience: ProducerPatience = { retries: 1, sendTimeoutMs: 3_000 };

/** @throws Error when settings or subscriptions contradict each other. Nothing is connected before `start`. */
export function createConsumer(options: ConsumerOptions): Consumer {
  const settings = { ...defaultSettings, ...options.settings };
  const subscriptions = options.subscriptions.flatMap(withRetryTopics);
  checkSettings(settings);
  checkSubscriptions(subscriptions);
  const { kafka, group, clock, random } = options;
  const logger = options.logger.child({ group });
  const topics = subscriptions.map(({ topic, readers }) => ({
    topic,
    everyMember: readers === 'every-member',
  }));
  const client = new KafkaJsClient({ kafka, group, topics, settings, logger, clock, random });
  const producer = createProducer(kafka, publisherPatience);
  const publisher = new FailurePublisher(producer, group, clock);
  const onFatal = (error: Error): void =>
    options.onFatal(asError(nameRefusal(principalOf(kafka), error, needsOf(options))));
  const context = { ...options, onFatal, subscriptions, client, settings, logger, publisher };
  const runtime = new Runtime(context);
  let starting: Promise<void> | null = null;
  let stopping: Promise<StopReport> | null = null;
  return {
    start: () => (starting ??= startWithin(runtime, producer, options, settings)),
    stop: (deadlineMs) => (stopping ??= stop(runtime, producer, deadlineMs)),
    state: () => runtime.state(),
    partitionsOf: (topic) => client.partitionsOf(topic),
    ready: () => runtime.ready(),
    mayBegin: () => client.mayBegin(),
    steer: (steering) => runtime.steer(steering),
    hint: (dependency, untilMs) => runtime.hint(dependency, untilMs),
  };
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
  options: ConsumerOptions,
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
function needsOf({ group, subscriptions }: ConsumerOptions): Need[] {
  const topics = subscriptions.flatMap(withRetryTopics).map(({ topic }) => topic);
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
