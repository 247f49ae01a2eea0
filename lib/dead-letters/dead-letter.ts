/** One record of a dead-letter topic, as far as its headers describe it; the value stays on the topic. */
import type { LogRecord } from '../kafka/log-reader';
import { failureHeaders, type Origin } from '../runtime/failure-headers';
import { headerText, type Headers } from '../kafka/header-text';
import type { OperatorDecision, Resolution } from './resolution';

export interface DeadLetter {
  /** The dead-letter topic's full name. */
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  /** When it was written to the dead-letter topic. */
  readonly timestampMs: number;
  readonly key: string | null;
  /** null is a tombstone. */
  readonly valueBytes: number | null;
  /** null when the headers do not name it: then it cannot be written back. */
  readonly origin: Origin | null;
  readonly group: string | null;
  readonly attempts: number | null;
  readonly firstFailureAtMs: number | null;
  /** Time of writing, if the headers do not give it. */
  readonly lastFailureAtMs: number;
  readonly errorKind: string | null;
  readonly reason: string | null;
  readonly errorClass: string | null;
  readonly redriveId: string | null;
  /** How often it was redriven before it came here. */
  readonly redriveCount: number;
  /** An operator's decision about it; null while it waits. */
  readonly settled: Resolution['kind'] | null;
  /** Which operator decided, and why. */
  readonly decision: OperatorDecision | null;
}

export function readDeadLetter(
  at: { readonly topic: string; readonly partition: number },
  { offset, timestampMs, key, value, headers }: LogRecord,
): Omit<DeadLetter, 'settled' | 'decision'> {
  const text = (name: keyof typeof failureHeaders) => headerText(headers, failureHeaders[name]);
  return {
    topic: at.topic,
    partition: at.partition,
    offset,
    timestampMs,
    key: key === null ? null : key.toString('utf8'),
    valueBytes: value === null ? null : value.length,
    origin: readOrigin(headers),
    group: text('group'),
    attempts: whole(text('attempts')),
    firstFailureAtMs: instant(text('firstFailureAt')),
    lastFailureAtMs: instant(text('lastFailureAt')) ?? timestampMs,
    errorKind: text('errorKind'),
    reason: text('poisonReason'),
    errorClass: text('errorClass'),
    redriveId: text('redriveId'),
    redriveCount: whole(text('redriveCount')) ?? 0,
  };
}

function readOrigin(headers: Headers): Origin | null {
  const topic = headerText(headers, failureHeaders.originTopic);
  const partition = whole(headerText(headers, failureHeaders.originPartition));
  const offset = whole(headerText(headers, failureHeaders.originOffset));
  if (topic === null || partition === null || offset === null) return null;
  const timestampMs = whole(headerText(headers, failureHeaders.originTimestamp)) ?? 0;
  return { topic, partition, offset, timestampMs };
}

const whole = (text: string | null): number | null =>
  text !== null && /^[0-9]{1,15}$/.test(text) ? Number(text) : null;

function instant(text: string | null): number | null {
  const atMs = Date.parse(text ?? '');
  return Number.isFinite(atMs) ? atMs : null;
}
