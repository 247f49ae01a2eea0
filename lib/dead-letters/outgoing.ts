/** The record to write when a dead letter is redriven or parked: key and value unchanged, byte for byte. */
import { failureHeaders, isFailureHeader, parkedHeaders } from '../runtime/failure-headers';
import type { LogRecord } from '../kafka/log-reader';
import type { OutgoingHeaders, OutgoingRecord } from '../kafka/producer';
import type { DeadLetter } from './dead-letter';
import type { Headers } from '../kafka/header-text';

export interface MoveDecision {
  readonly by: string;
  readonly atMs: number;
  /** Empty when no operator was named. */
  readonly why: string;
}

/**
 * Back to its origin topic, with its own headers and the number of its redrives.
 * @param letter one that the plan redrives, so its origin is known.
 */
export function redriven(letter: DeadLetter, record: LogRecord, redriveId: string): OutgoingRecord {
  const { origin, redriveCount } = letter;
  if (origin === null) throw new Error('A dead letter without an origin cannot be redriven.');
  return {
    topic: origin.topic,
    partition: origin.partition,
    key: record.key,
    value: record.value,
    headers: {
      ...pick(record.headers, (name) => !isFailureHeader(name)),
      [failureHeaders.redriveId]: redriveId,
      [failureHeaders.redriveCount]: String(redriveCount + 1),
      ...(origin.timestampMs > 0 && {
        [failureHeaders.redriveTimestamp]: String(origin.timestampMs),
      }),
    },
  };
}

/** To the same partition of the parked topic, with all its headers as a dead letter. */
export function parked(
  { partition }: DeadLetter,
  record: LogRecord,
  topic: string,
  { by, atMs, why }: MoveDecision,
): OutgoingRecord {
  return {
    topic,
    partition,
    key: record.key,
    value: record.value,
    headers: {
      ...pick(record.headers, () => true),
      [parkedHeaders.by]: by,
      [parkedHeaders.at]: new Date(atMs).toISOString(),
      [parkedHeaders.why]: why,
    },
  };
}

/** As bytes: a header that is no text stays unchanged, and one that was sent twice is sent twice. */
function pick(headers: Headers, isWanted: (name: string) => boolean): OutgoingHeaders {
  const picked: Record<string, Buffer | Buffer[]> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined || !isWanted(name)) continue;
    picked[name] = Array.isArray(value) ? value.map(toBytes) : toBytes(value);
  }
  return picked;
}

const toBytes = (value: string | Buffer): Buffer =>
  typeof value === 'string' ? Buffer.from(value) : value;
