/** Reads `afterbuild.control` and other state topics to their end, and writes decisions, for commands. */
import type { z } from 'zod';
import { openRegistry } from '../lib/avro/open-registry';
import { RegistryUnavailableError } from '../lib/avro/registry';
import { createStateCodec, schemaHeader, type StateCodec } from '../lib/avro/state-codec';
import { StateWriter } from '../lib/control/state-writer';
import { createTopicAdmin, type TopicAdmin } from '../lib/kafka/topics/admin';
import { createKafka } from '../lib/kafka/kafkajs/create-kafka';
import {
  createLogReader,
  LogBeginsLaterError,
  type LogReader,
  type LogRecord,
} from '../lib/kafka/log-reader';
import { headerText, type RecordHeaders } from '../lib/kafka/header-text';
import { createProducer } from '../lib/kafka/producer';
import { topicNames } from '../lib/kafka/topics/topics';
import { systemClock } from '../lib/process/clock';
import type { controlSchema } from '../lib/process/config';
import { createLogger } from '../lib/process/logger';
import { within } from '../lib/process/within';
import type { Control } from '../schemas/generated';
import { kafkaOf, reach } from './reach';

export type ControlConfig = z.output<typeof controlSchema>;

/** A record of a state topic, in the order of its partition. */
export interface StateRecord<V> {
  readonly key: string;
  /** Null removes the value under the key, or stands for a value that cannot be read. */
  readonly value: V | null;
  /** By their names. */
  readonly headers: RecordHeaders;
  /** When it was written, milliseconds since the epoch. */
  readonly atMs: number;
}

interface StateTopic<V> {
  /** Name in `topics.ts`; its schema has the same one. */
  readonly name: string;
  readonly onState: (record: StateRecord<V>) => void;
}

interface FollowedTopics {
  /** Reads records that were added since. @throws Error that names the server which does not answer. */
  readonly readOn: () => Promise<void>;
  /** Which values could not be read, and why, as a sentence; null when all were. */
  readonly unread: () => string | null;
  readonly end: () => Promise<void>;
}

const silent = createLogger('afterbuild', 'silent');
/** Used only for records that were written before the header of ADR 0027 existed. */
const registryLimitMs = 3_000;
const closeLimitMs = 1_000;

/**
 * Reads the topics from their beginning to their present end. No group is joined, so that an interrupted command leaves
 * none behind; and no registry is needed.
 * @throws Error that names the server which does not answer.
 */
export async function followTopics(
  config: ControlConfig,
  topics: readonly StateTopic<never>[],
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
    await reach(kafkaOf(config), () => Promise.all([admin.connect(), reader.connect()]));
    await readOn();
    return { readOn, end, unread: () => sentenceOf(followed) };
  } catch (error) {
    await end();
    throw error;
  }
}

function sentenceOf(followed: readonly FollowedTopic[]): string | null {
  const parts = followed.flatMap(({ topic, unread, silence }) =>
    unread.size === 0 ? [] : [`${unread.size} records of ${topic} are not read: ${silence ?? ''}`],
  );
  if (parts.length === 0) return null;
  return `${parts.join('; ')} An older version wrote them without the name of their schema.`;
}

class FollowedTopic {
  readonly topic: string;
  /** Keys whose last record could not be read. */
  readonly unread = new Set<string>();
  /** Why the registry was not asked again during this read. */
  silence: string | null = null;
  readonly #codec: StateCodec<unknown>;
  readonly #onState: StateTopic<unknown>['onState'];
  /** By partition: the first offset that has not been read. */
  readonly #next = new Map<number, number>();

  constructor(
    config: ControlConfig,
    { name, onState }: StateTopic<never>,
    private readonly admin: TopicAdmin,
    private readonly reader: LogReader,
  ) {
    this.topic = `${config.AFTERBUILD_NAMESPACE}${name}`;
    this.#codec = createStateCodec<unknown>({
      registry: openRegistry(config, { timeoutMs: registryLimitMs }),
      subject: `${this.topic}-value`,
      name,
      clock: systemClock,
    });
    this.#onState = onState as StateTopic<unknown>['onState'];
  }

  async readOn(): Promise<void> {
    this.silence = null;
    for (const { partition, logStart, highWatermark } of await this.admin.ends(this.topic)) {
      try {
        await this.#read(partition, logStart, highWatermark);
      } catch (error) {
        // Retention has removed records before we read them: the next read begins at the new start of the log.
        if (!(error instanceof LogBeginsLaterError)) throw error;
      }
    }
  }

  async #read(partition: number, logStart: number, highWatermark: number): Promise<void> {
    const at = { topic: this.topic, partition };
    const from = Math.max(this.#next.get(partition) ?? 0, logStart);
    for await (const record of this.reader.readCompacted(at, from, highWatermark)) {
      await this.#tell(record);
      this.#next.set(partition, record.offset + 1);
    }
    this.#next.set(partition, Math.max(from, highWatermark));
  }

  async #tell({ key: bytes, value, timestampMs, ...record }: LogRecord): Promise<void> {
    if (bytes === null) return;
    const key = bytes.toString('utf8');
    const headers = textsOf(record.headers);
    this.unread.delete(key);
    const state = value === null ? null : await this.#decoded(value, headers, key);
    this.#onState({ key, value: state, headers, atMs: timestampMs });
  }

  /** @returns null for a value that needs the registry, while that does not answer: then its key is in `unread`. */
  async #decoded(value: Buffer, headers: RecordHeaders, key: string): Promise<unknown> {
    if (this.silence === null || headers[schemaHeader] !== undefined) {
      try {
        return await this.#codec.decode(value, headers);
      } catch (error) {
        if (!(error instanceof RegistryUnavailableError)) throw error;
        this.silence = error.message;
      }
    }
    this.unread.add(key);
    return null;
  }
}

function textsOf(headers: LogRecord['headers']): RecordHeaders {
  const names = Object.keys(headers);
  return Object.fromEntries(names.map((name) => [name, headerText(headers, name) ?? '']));
}

/**
 * Writes one decision; null removes the one under the key, and the headers name the author. Needs Kafka only.
 * @throws Error that names the server which does not answer.
 */
export async function writeDecision(
  config: ControlConfig,
  key: string,
  value: Control | null,
  headers: RecordHeaders = {},
): Promise<void> {
  const topic = `${config.AFTERBUILD_NAMESPACE}${topicNames.control}`;
  const kafka = createKafka(config, 'afterbuild', silent);
  const writer = new StateWriter({
    registry: openRegistry(config, { timeoutMs: registryLimitMs }),
    createProducer: () => createProducer(kafka),
    clock: systemClock,
  });
  const codec = writer.codecOf<Control>(topic, topicNames.control);
  try {
    const state = value === null ? null : await codec.encode(value);
    await reach(kafkaOf(config), () => writer.write(topic, key, state, headers));
  } finally {
    // A producer that is still trying to connect is not waited for.
    await within(systemClock, closeLimitMs, writer.close(), undefined);
  }
}
