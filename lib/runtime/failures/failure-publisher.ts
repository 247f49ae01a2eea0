/**
 * Publishes failed records to a retry or dead-letter topic. The original's offset may move only after `send` has
 * resolved: then every replica in sync has the copy.
 */
import type { Clock } from '../../process/clock';
import type { FetchedRecord } from '../../kafka/fetched-record';
import type { FailurePolicy, RetryTopic } from '../failure-policy';
import {
  firstWrittenMs,
  readFailure,
  writeFailure,
  type Failure,
  type Origin,
} from '../failure-headers';
import type { PoisonReason } from '../poison';
import type { OutgoingRecord, RecordProducer } from '../../kafka/producer';
import { failurePartitions } from '../../kafka/topics/topics';

export interface FailedRecord {
  readonly record: FetchedRecord;
  readonly error: Error;
  /** Undefined: to the next retry topic. */
  readonly poison: PoisonReason | undefined;
  /** Failures for its own reasons since it was fetched, this one included. */
  readonly failed: number;
  readonly firstFailedAtMs: number;
  /** The rest of a batch record, when part of it is done. */
  readonly rest: unknown;
}

/** The topic and group that the records come from. */
export interface Sender {
  readonly topic: string;
  readonly partition: number;
  readonly policy: FailurePolicy;
  /** Index of the retry topic that they come from; null for the topic itself. */
  readonly retryLevel: number | null;
}

export class FailurePublisher {
  readonly #producer: Pick<RecordProducer, 'send'>;
  readonly #group: string;
  readonly #clock: Clock;

  /** @param group full name, namespace included. */
  constructor(producer: Pick<RecordProducer, 'send'>, group: string, clock: Clock) {
    this.#producer = producer;
    this.#group = group;
    this.#clock = clock;
  }

  /** @throws Error of the producer or the encoder: then all originals stay where they are. */
  async send(sender: Sender, failedRecords: readonly FailedRecord[]): Promise<void> {
    await this.#producer.send(
      await Promise.all(failedRecords.map((failedRecord) => this.#write(sender, failedRecord))),
    );
  }

  async #write(sender: Sender, failedRecord: FailedRecord): Promise<OutgoingRecord> {
    const { record, rest } = failedRecord;
    const { encode } = sender.policy;
    const isSplit = rest !== undefined && encode !== undefined;
    const failure = this.#describe(sender, failedRecord, isSplit);
    return {
      topic: topicOf(sender, failedRecord),
      partition: failure.origin.partition % failurePartitions,
      key: record.key,
      value: isSplit ? await encode(rest) : record.value,
      headers: { ...record.headers, ...writeFailure(failure) },
    };
  }

  #describe(sender: Sender, failedRecord: FailedRecord, isSplit: boolean): Failure {
    const { record, error, poison, failed, firstFailedAtMs, rest } = failedRecord;
    const lastAtMs = this.#clock.nowMs();
    const earlier = readFailure(record.headerTexts) ?? {
      origin: originOf(sender, record),
      attempts: 0,
      firstAtMs: firstFailedAtMs,
    };
    const delayMs = poison === undefined ? nextRetryTopic(sender)?.delayMs : undefined;
    const splitItems = isSplit ? sender.policy.count?.(rest) : undefined;
    return {
      ...earlier,
      attempts: earlier.attempts + failed,
      group: this.#group,
      lastAtMs,
      error,
      ...(poison === undefined ? {} : { poison }),
      ...(delayMs === undefined ? {} : { notBeforeMs: lastAtMs + delayMs }),
      ...(splitItems === undefined ? {} : { splitItems }),
    };
  }
}

const originOf = ({ topic, partition }: Sender, record: FetchedRecord): Origin => {
  const timestampMs = firstWrittenMs(record.headerTexts, record.timestampMs);
  return { topic, partition, offset: record.offset, timestampMs };
};

function topicOf(sender: Sender, { poison }: FailedRecord): string {
  const { deadLetters } = sender.policy;
  const topic = poison === undefined ? nextRetryTopic(sender)?.topic : deadLetters;
  if (typeof topic !== 'string') throw new Error(`${sender.topic} has no topic for its failures.`);
  return topic;
}

/** The last delay is repeated. */
function nextRetryTopic({ policy, retryLevel }: Sender): RetryTopic | undefined {
  const next = retryLevel === null ? 0 : retryLevel + 1;
  return policy.retryTopics[Math.min(next, policy.retryTopics.length - 1)];
}
