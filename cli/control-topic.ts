/** Reads `afterbuild.control` and other state topics to their end, and writes decisions, for commands. */
import { createCodec, type Codec } from '../lib/avro/codec';
import { openRegistry } from '../lib/avro/open-registry';
import { loadSchema } from '../lib/avro/schema-file';
import { StateWriter } from '../lib/control/state-writer';
import { createTopicAdmin, type TopicAdmin } from '../lib/kafka/admin';
import { createKafka } from '../lib/kafka/connection';
import { createLogReader, LogBeginsLaterError, type LogReader } from '../lib/kafka/log-reader';
import { createProducer } from '../lib/kafka/producer';
import type { RecordHeaders } from '../lib/kafka/subscription';
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

export interface FollowedTopics {
  /** Reads what has been added since. @throws Error that says what does not answer. */
  readonly readOn: () => Promise<void>;
  readonly end: () => Promise<void>;
}

const silent = createLogger('afterbuild', 'silent');

/**
 * Reads the topics from their beginning to where they end now. No group is joined, so that a command which
 * is ended in the middle leaves none behind.
 * @throws Error that says what does not answer.
 */
export async function followTopics(
  config: ControlConfig,
  topics: readonly StateTopic[],
): Promise<FollowedTopics> {
  const kafka = createKafka(config, 'afterbuild', silent);
  const admin = createTopicAdmin(kafka, { namespace: config.AFTERBUILD_NAMESPACE });
  const reader = createLogReader(kafka, systemClock, Math.random);
  const followed = topics.map((topic) => new FollowedTopic(config, topic, admin, reader));
  const readOn = async (): Promise<void> => {
    for (const topic of followed) await topic.readOn();
  };
  const end = async (): Promise<void> => {
    await Promise.all([admin.disconnect(), reader.disconnect()]);
  };
  try {
    await Promise.all([admin.connect(), reader.connect()]);
    await readOn();
    return { readOn, end };
  } catch (error) {
    await end();
    throw error;
  }
}

class FollowedTopic {
  readonly #topic: string;
  readonly #codec: Codec<unknown>;
  readonly #onState: OnState<unknown>;
  /** By partition: the first offset that has not been read. */
  readonly #next = new Map<number, number>();

  constructor(
    config: ControlConfig,
    { name, onState }: StateTopic,
    private readonly admin: TopicAdmin,
    private readonly reader: LogReader,
  ) {
    this.#topic = `${config.AFTERBUILD_NAMESPACE}${name}`;
    this.#codec = createCodec<unknown>(openRegistry(config), {
      subject: `${this.#topic}-value`,
      schema: loadSchema(name),
    });
    this.#onState = onState as OnState<unknown>;
  }

  async readOn(): Promise<void> {
    for (const { partition, logStart, highWatermark } of await this.admin.ends(this.#topic)) {
      try {
        await this.#read(partition, logStart, highWatermark);
      } catch (error) {
        // Retention was faster than we: the next look begins where the log does then.
        if (!(error instanceof LogBeginsLaterError)) throw error;
      }
    }
  }

  async #read(partition: number, logStart: number, highWatermark: number): Promise<void> {
    const at = { topic: this.#topic, partition };
    const from = Math.max(this.#next.get(partition) ?? 0, logStart);
    for await (const { key, value, offset } of this.reader.readCompacted(at, from, highWatermark)) {
      if (key !== null) {
        this.#onState(key.toString('utf8'), value && (await this.#codec.decode(value)));
      }
      this.#next.set(partition, offset + 1);
    }
    this.#next.set(partition, Math.max(from, highWatermark));
  }
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
