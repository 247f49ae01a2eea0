/** Reads `afterbuild.control` and other state topics to their end, and writes decisions, for commands. */
import { randomUUID } from 'node:crypto';
import { createCodec, type Codec } from '../lib/avro/codec';
import { openRegistry } from '../lib/avro/open-registry';
import type { Registry } from '../lib/avro/registry';
import { loadSchema } from '../lib/avro/schema-file';
import { StateWriter } from '../lib/control/state-writer';
import { createKafka } from '../lib/kafka/connection';
import { done } from '../lib/kafka/outcome';
import { createProducer } from '../lib/kafka/producer';
import { createConsumer } from '../lib/kafka/run-consumer';
import type { RecordHeaders, Subscription } from '../lib/kafka/subscription';
import { topicNames } from '../lib/kafka/topics';
import { systemClock } from '../lib/process/clock';
import type { controlSchema } from '../lib/process/config';
import { createLogger } from '../lib/process/logger';
import type { z } from 'zod';
import type { Control } from '../schemas/generated';

export type ControlConfig = z.output<typeof controlSchema>;

/** Called for every record in the order of its partition; null takes back what the key names. */
export type OnState<V> = (key: string, value: V | null) => void;

export interface StateTopic {
  /** Name in `topics.ts`; its schema has the same one. */
  readonly name: string;
  readonly onState: OnState<never>;
}

const stopLimitMs = 5_000;
const silent = createLogger('afterbuild', 'silent');

/**
 * Reads the topics from their beginning, and goes on reading. Resolves at the end of what there was.
 * The group is one of its own and commits nothing, so that the broker forgets it when we leave.
 * @returns ends the reading.
 * @throws Error that says what does not answer; the failure of reading later on goes to `onFatal`.
 */
export async function followTopics(
  config: ControlConfig,
  topics: readonly StateTopic[],
  onFatal: (error: Error) => void = () => undefined,
): Promise<() => Promise<void>> {
  const registry = openRegistry(config);
  const waiting = new Set(topics.map(({ name }) => name));
  let end: () => void = () => undefined;
  const caughtUp = new Promise<void>((resolve) => (end = resolve));
  const subscriptions = topics.map((topic) =>
    subscriptionOf(config, registry, topic, () => {
      waiting.delete(topic.name);
      if (waiting.size === 0) end();
    }),
  );
  const consumer = createConsumer({
    kafka: createKafka(config, 'afterbuild', silent),
    group: `${config.AFTERBUILD_NAMESPACE}afterbuild-cli.${randomUUID()}`,
    subscriptions,
    settings: { startTimeoutMs: config.START_LIMIT_MS },
    logger: silent,
    clock: systemClock,
    random: Math.random,
    onFatal,
  });
  await consumer.start();
  await caughtUp;
  return async () => {
    await consumer.stop(stopLimitMs);
  };
}

function subscriptionOf(
  config: ControlConfig,
  registry: Registry,
  { name, onState }: StateTopic,
  onCaughtUp: () => void,
): Subscription<unknown> {
  const topic = `${config.AFTERBUILD_NAMESPACE}${name}`;
  const codec = createCodec<unknown>(registry, {
    subject: `${topic}-value`,
    schema: loadSchema(name),
  });
  const tell = onState as OnState<unknown>;
  return {
    topic,
    start: 'beginning',
    readers: 'every-member',
    maxRecords: 500,
    lanes: 1,
    decode: (bytes) => (bytes === null ? null : codec.decode(bytes)),
    handle: (records) => {
      for (const { key, value } of records) if (key !== null) tell(key, value);
      return Promise.resolve(records.map(() => done));
    },
    onCaughtUp,
  };
}

/** Writes one decision; null takes back what the key names, and the headers say who did. */
export async function writeDecision(
  config: ControlConfig,
  key: string,
  value: Control | null,
  headers: RecordHeaders = {},
): Promise<void> {
  const topic = `${config.AFTERBUILD_NAMESPACE}${topicNames.control}`;
  const kafka = createKafka(config, 'afterbuild', silent);
  const writer = new StateWriter({
    registry: openRegistry(config),
    createProducer: () => createProducer(kafka),
  });
  const codec: Codec<Control> = writer.codecOf(topic, topicNames.control);
  try {
    const bytes = value === null ? null : await codec.encode(value);
    await writer.write({ topic, key, value: bytes, headers });
  } finally {
    await writer.close();
  }
}
