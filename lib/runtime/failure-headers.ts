/**
 * The headers of a record on a retry or dead-letter topic: its origin and its failures, as plain UTF-8 text.
 *
 * Key, value and the record's own headers stay unchanged; these are added. Origin and first failure are kept through
 * every further retry; the last failure is the latest one. The origin is written a second time under the names that
 * Spring and the Kafka user interfaces look for.
 */
import type { PoisonReason } from './poison';
import type { RecordHeaders } from '../kafka/header-text';

export const failureHeaders = {
  originTopic: 'afterbuild-origin-topic',
  originPartition: 'afterbuild-origin-partition',
  originOffset: 'afterbuild-origin-offset',
  /** Milliseconds since the epoch, set by the broker. */
  originTimestamp: 'afterbuild-origin-timestamp',
  group: 'afterbuild-group',
  attempts: 'afterbuild-attempts',
  /** ISO 8601. */
  firstFailureAt: 'afterbuild-first-failure-at',
  lastFailureAt: 'afterbuild-last-failure-at',
  /** Milliseconds since the epoch; on retry topics. */
  notBefore: 'afterbuild-not-before',
  /** `transient` or `poison`. */
  errorKind: 'afterbuild-error-kind',
  poisonReason: 'afterbuild-poison-reason',
  errorClass: 'afterbuild-error-class',
  errorMessage: 'afterbuild-error-message',
  /** How many items of a batch record are left, when it was done in part; its value is written anew. */
  splitItems: 'afterbuild-split-items',
  redriveId: 'afterbuild-redrive-id',
  redriveCount: 'afterbuild-redrive-count',
  /** Milliseconds since the epoch: when the record was written first, before it became a dead letter. */
  redriveTimestamp: 'afterbuild-redrive-timestamp',
} as const;

/** Whether the header describes a failure, or an operator's action on it, and is not the record's own. */
export const isFailureHeader = (name: string): boolean =>
  /^(?:afterbuild-|kafka_dlt-|x-original-(?:topic|partition|offset)$)/.test(name);

/** A replay marks the records that it brings back (`member/stretch-client.ts`); its value is the name of the replay. */
export const replayHeader = 'replay';

/** The record was written again on purpose: that its rows are gone is no sign of a wrong database. */
export const isSaidAgain = (headers: RecordHeaders): boolean =>
  headers[replayHeader] !== undefined || headers[failureHeaders.redriveId] !== undefined;

/**
 * When the record was first written. A redriven record keeps that time, so an acceptance of the database that was given
 * since covers it. Forging the header gains nothing: of a record that an acceptance covers no object of an absent row is
 * deleted.
 *
 * @param timestampMs of the record as it lies on its topic.
 */
export function firstWrittenMs(headers: RecordHeaders, timestampMs: number): number {
  const said = headers[failureHeaders.redriveTimestamp] ?? '';
  return /^[0-9]{1,15}$/.test(said) ? Math.min(Number(said), timestampMs) : timestampMs;
}

/** An operator's decision about dead letters, on the marker beside them (lib/dead-letters/resolution.ts). */
export const settlementHeaders = {
  /** `redriven` or `parked`. */
  settled: 'afterbuild-settled',
  /** Offsets of the same partition, like `3,5-9`. */
  offsets: 'afterbuild-settled-offsets',
  by: 'afterbuild-settled-by',
  /** ISO 8601. */
  at: 'afterbuild-settled-at',
  why: 'afterbuild-settled-why',
} as const;

/** On a record of a parked topic, in addition to its headers as a dead letter. */
export const parkedHeaders = {
  by: 'afterbuild-parked-by',
  /** ISO 8601. */
  at: 'afterbuild-parked-at',
  why: 'afterbuild-parked-why',
} as const;

/** Error messages hold no payload; the cut bounds the size of the header. */
const messageMax = 500;

export interface Origin {
  /** Full name, namespace included. */
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly timestampMs: number;
}

export interface Failure {
  readonly origin: Origin;
  readonly group: string;
  /** How often the record failed for its own reasons; outages do not count. */
  readonly attempts: number;
  readonly firstAtMs: number;
  readonly lastAtMs: number;
  readonly error: Error;
  readonly poison?: PoisonReason;
  readonly notBeforeMs?: number;
  readonly splitItems?: number;
}

export function writeFailure(failure: Failure): Record<string, string> {
  const { origin, group, error, poison, notBeforeMs, splitItems } = failure;
  const message = error.message.slice(0, messageMax);
  return {
    [failureHeaders.originTopic]: origin.topic,
    [failureHeaders.originPartition]: String(origin.partition),
    [failureHeaders.originOffset]: String(origin.offset),
    [failureHeaders.originTimestamp]: String(origin.timestampMs),
    [failureHeaders.group]: group,
    [failureHeaders.attempts]: String(failure.attempts),
    [failureHeaders.firstFailureAt]: new Date(failure.firstAtMs).toISOString(),
    [failureHeaders.lastFailureAt]: new Date(failure.lastAtMs).toISOString(),
    [failureHeaders.errorKind]: poison === undefined ? 'transient' : 'poison',
    [failureHeaders.errorClass]: error.name,
    [failureHeaders.errorMessage]: message,
    ...(poison === undefined ? {} : { [failureHeaders.poisonReason]: poison }),
    ...(notBeforeMs === undefined ? {} : { [failureHeaders.notBefore]: String(notBeforeMs) }),
    ...(splitItems === undefined ? {} : { [failureHeaders.splitItems]: String(splitItems) }),
    ...forUserInterfaces(failure, message),
  };
}

/** The names of Spring Kafka, which Kafbat's redrive reads; Spring writes some of them as binary, we do not. */
function forUserInterfaces(
  { origin, group, error }: Failure,
  message: string,
): Record<string, string> {
  const { topic, partition, offset, timestampMs } = origin;
  return {
    'kafka_dlt-original-topic': topic,
    'kafka_dlt-original-partition': String(partition),
    'kafka_dlt-original-offset': String(offset),
    'kafka_dlt-original-timestamp': String(timestampMs),
    'kafka_dlt-original-consumer-group': group,
    'kafka_dlt-exception-fqcn': error.name,
    'kafka_dlt-exception-message': message,
    'x-original-topic': topic,
    'x-original-partition': String(partition),
    'x-original-offset': String(offset),
  };
}

/** The failures so far of a record that comes from a retry topic. */
interface EarlierFailure {
  readonly origin: Origin;
  readonly attempts: number;
  readonly firstAtMs: number;
}

/** @returns null for a record that has not failed before, or whose headers are incomplete. */
export function readFailure(headers: RecordHeaders): EarlierFailure | null {
  const topic = headers[failureHeaders.originTopic];
  const numbers = [
    Number(headers[failureHeaders.originPartition]),
    Number(headers[failureHeaders.originOffset]),
    Number(headers[failureHeaders.originTimestamp]),
    Number(headers[failureHeaders.attempts]),
    Date.parse(headers[failureHeaders.firstFailureAt] ?? ''),
  ] as const;
  if (topic === undefined || !numbers.every(Number.isFinite)) return null;
  const [partition, offset, timestampMs, attempts, firstAtMs] = numbers;
  return { origin: { topic, partition, offset, timestampMs }, attempts, firstAtMs };
}

/** @returns null when the record has no due time. */
export function readNotBefore(headers: RecordHeaders): number | null {
  const notBeforeMs = Number(headers[failureHeaders.notBefore]);
  return Number.isFinite(notBeforeMs) ? notBeforeMs : null;
}

/**
 * The due time in its header, but never later than the topic's delay from now: the clock that wrote it may be wrong.
 */
export function dueAtMs(headers: RecordHeaders, nowMs: number, delayMs: number): number {
  const latestMs = nowMs + delayMs;
  return Math.min(readNotBefore(headers) ?? latestMs, latestMs);
}
