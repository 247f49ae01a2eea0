/**
 * Reads a stretch of a topic's log, byte for byte, for tools.
 *
 * It uses no group: it joins and commits nothing and leaves nothing behind, and live groups do not notice. kafkajs
 * offers reading through a group only; this uses the `cluster` that kafkajs passes to a partition assigner.
 */
import type { Cluster, Consumer, IHeaders, Kafka, KafkaMessage } from 'kafkajs';
import type { Clock } from '../process/clock';
import type { TopicPartition } from './client-port';
import { asError } from '../process/is-error';
import { MissingRightError, nameRefusal, principalOf, topicNeed } from './missing-right';
import { retryDelayMs } from '../process/backoff';

/** Views of a response: a caller that keeps a record must copy it. */
export interface LogRecord {
  readonly offset: number;
  readonly timestampMs: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: IHeaders;
}

export interface LogReader {
  connect(): Promise<void>;
  /**
   * The records from offset `from` to before `to`, in order. `to` must not lie beyond the log's end.
   * @throws LogBeginsLaterError when retention has taken `from`; Error of kafkajs when the leader cannot
   * be reached, after some attempts.
   */
  read(at: TopicPartition, from: number, to: number): AsyncGenerator<LogRecord>;
  /** Like `read`, for a compacted log: the last records before `to` may be gone, and then nothing follows. */
  readCompacted(at: TopicPartition, from: number, to: number): AsyncGenerator<LogRecord>;
  disconnect(): Promise<void>;
}

export class LogBeginsLaterError extends Error {
  override readonly name = 'LogBeginsLaterError';
}

type FetchedMessage = KafkaMessage & { readonly isControlRecord?: boolean };
interface FetchAnswer {
  readonly responses: readonly {
    readonly partitions: readonly { readonly messages: readonly FetchedMessage[] }[];
  }[];
}

const fetchBytes = 1024 * 1024;
const fetchWaitMs = 1_000;
/** Fetches in a row that may fail or bring nothing. */
const attemptsMax = 8;
/** So many empty answers in a row are the end of a compacted log: a leader that has records answers with them at once. */
const emptyAtEnd = 2;
const pace = { retryFirstMs: 100, retryMaxMs: 2_000 };

export function createLogReader(kafka: Kafka, clock: Clock, random: () => number): LogReader {
  return new KafkaJsLogReader(kafka, clock, random);
}

class KafkaJsLogReader implements LogReader {
  readonly #consumer: Consumer;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #principal: string;
  #cluster: Cluster | null = null;

  constructor(kafka: Kafka, clock: Clock, random: () => number) {
    this.#clock = clock;
    this.#random = random;
    this.#principal = principalOf(kafka);
    this.#consumer = kafka.consumer({
      // Never joined: kafkajs only requires a name.
      groupId: 'afterbuild-log-reader',
      allowAutoTopicCreation: false,
      partitionAssigners: [
        ({ cluster }) => {
          this.#cluster = cluster;
          return noAssigner;
        },
      ],
    });
  }

  connect(): Promise<void> {
    return this.#consumer.connect();
  }

  disconnect(): Promise<void> {
    return this.#consumer.disconnect();
  }

  async *read(at: TopicPartition, from: number, to: number): AsyncGenerator<LogRecord> {
    const next = yield* this.#readTo(at, from, to, attemptsMax);
    if (next < to) throw new Error(`${placeOf(at)} gives no records from offset ${next} on.`);
  }

  async *readCompacted(at: TopicPartition, from: number, to: number): AsyncGenerator<LogRecord> {
    yield* this.#readTo(at, from, to, emptyAtEnd);
  }

  /** @returns the offset behind the last one; below `to` when so many answers in a row held nothing. */
  async *#readTo(
    at: TopicPartition,
    from: number,
    to: number,
    emptyMax: number,
  ): AsyncGenerator<LogRecord, number> {
    let next = from;
    for (let nothing = 0; next < to && nothing < emptyMax; nothing += 1) {
      for (const message of await this.#fetch(at, next)) {
        const offset = Number(message.offset);
        // A compressed batch comes whole: it may begin before the requested offset and end behind it.
        if (offset < next) continue;
        if (offset >= to) return to;
        next = offset + 1;
        nothing = -1;
        if (message.isControlRecord !== true) yield toLogRecord(message, offset);
      }
    }
    return next;
  }

  /** @returns an empty list when the broker had nothing to give in time. */
  async #fetch(at: TopicPartition, offset: number): Promise<readonly FetchedMessage[]> {
    for (let failures = 1; ; failures += 1) {
      try {
        return await this.#fetchOnce(at, offset);
      } catch (thrown) {
        const error = asError(thrown) as Error & { type?: string };
        if (error.type === 'OFFSET_OUT_OF_RANGE') throw beginsLater(at, offset, error);
        const named = nameRefusal(this.#principal, thrown, [topicNeed('READ', at.topic)]);
        if (named instanceof MissingRightError) throw named;
        if (failures === attemptsMax) throw error;
        await this.#clock.sleep(retryDelayMs(failures, pace, this.#random));
        await this.#cluster?.refreshMetadata().catch(() => undefined);
      }
    }
  }

  async #fetchOnce(
    { topic, partition }: TopicPartition,
    offset: number,
  ): Promise<readonly FetchedMessage[]> {
    const cluster = this.#cluster;
    if (!cluster) throw new Error('The reader has not been made yet.');
    await cluster.addTargetTopic(topic);
    const [nodeId] = Object.keys(cluster.findLeaderForPartitions(topic, [partition]));
    if (nodeId === undefined) throw new Error(`${topic} has no partition ${partition}.`);
    const broker = await cluster.findBroker({ nodeId });
    const asked = { partition, fetchOffset: String(offset), maxBytes: fetchBytes };
    const answer = (await broker.fetch({
      maxWaitTime: fetchWaitMs,
      topics: [{ topic, partitions: [asked] }],
    })) as FetchAnswer;
    return answer.responses[0]?.partitions[0]?.messages ?? [];
  }
}

/** kafkajs requires an assigner; only a member of a group would use it. */
const noAssigner = {
  name: 'none',
  version: 0,
  assign: () => Promise.resolve([]),
  protocol: () => ({ name: 'none', metadata: Buffer.alloc(0) }),
};

const toLogRecord = (message: FetchedMessage, offset: number): LogRecord => ({
  offset,
  timestampMs: Number(message.timestamp),
  key: message.key,
  value: message.value,
  headers: message.headers ?? {},
});

const placeOf = ({ topic, partition }: TopicPartition): string => `${topic} partition ${partition}`;

const beginsLater = (at: TopicPartition, offset: number, cause: Error): LogBeginsLaterError =>
  new LogBeginsLaterError(
    `${placeOf(at)} no longer has offset ${offset}: retention took it in the meantime; ask again.`,
    { cause },
  );
