import {
  dueAtMs,
  failureHeaders,
  firstWrittenMs,
  isSaidAgain,
  readFailure,
  readNotBefore,
  writeFailure,
} from './failure-headers';
import { dependencies } from './dependency';
import { noObserver } from './observer';

const origin = { topic: 'a.artifacts.expired', partition: 7, offset: 12, timestampMs: 1_000 };
const failure = {
  origin,
  group: 'a.artifact-deleter',
  attempts: 3,
  firstAtMs: Date.parse('2026-01-01T00:00:00Z'),
  lastAtMs: Date.parse('2026-01-01T00:01:00Z'),
  error: new RangeError('x'.repeat(900)),
};

test('what is written is read again', () => {
  const headers = writeFailure({ ...failure, notBeforeMs: 5_000 });
  expect(readFailure(headers)).toEqual({ origin, attempts: 3, firstAtMs: failure.firstAtMs });
  expect(readNotBefore(headers)).toBe(5_000);
  expect(headers[failureHeaders.errorKind]).toBe('transient');
  expect(headers[failureHeaders.errorClass]).toBe('RangeError');
});

test('headers are text, say so in the names that user interfaces read, and stay short', () => {
  const headers = writeFailure({ ...failure, poison: 'wire-format', splitItems: 4 });
  expect(Object.values(headers).every((value) => typeof value === 'string')).toBe(true);
  expect(headers).toMatchObject({
    'afterbuild-error-kind': 'poison',
    'afterbuild-poison-reason': 'wire-format',
    'afterbuild-split-items': '4',
    'kafka_dlt-original-topic': origin.topic,
    'kafka_dlt-original-offset': '12',
    'x-original-partition': '7',
  });
  expect(headers['afterbuild-error-message']).toHaveLength(500);
});

test('a record that has not failed, or says it in part only, has nothing behind it', () => {
  expect(readFailure({})).toBeNull();
  expect(readFailure({ [failureHeaders.originTopic]: 'x' })).toBeNull();
  expect(readNotBefore({})).toBeNull();
});

test('a retry is due when its record says so, but never later than the delay of its topic from now', () => {
  const saysSo = (ms: number) => ({ [failureHeaders.notBefore]: String(ms) });
  expect(dueAtMs(saysSo(5_000), 1_000, 30_000)).toBe(5_000);
  // Written by a worker whose clock is a day fast.
  expect(dueAtMs(saysSo(86_400_000), 1_000, 30_000)).toBe(31_000);
  expect(dueAtMs({}, 1_000, 30_000)).toBe(31_000);
});

test('what a replay or a redrive has brought back says so', () => {
  expect(isSaidAgain({})).toBe(false);
  expect(isSaidAgain({ replay: '1' })).toBe(true);
  expect(isSaidAgain({ [failureHeaders.redriveId]: 'a' })).toBe(true);
});

test('a redriven record is as old as it was, and never younger than it lies there', () => {
  const from = (text: string) => ({ [failureHeaders.redriveTimestamp]: text });
  expect(firstWrittenMs({}, 9_000)).toBe(9_000);
  expect(firstWrittenMs(from('5000'), 9_000)).toBe(5_000);
  expect(firstWrittenMs(from('10000'), 9_000)).toBe(9_000);
  for (const odd of ['', '-1', 'NaN', '1e3', '9'.repeat(40)]) {
    expect(firstWrittenMs(from(odd), 9_000)).toBe(9_000);
  }
});

test('metrics are optional', () => {
  for (const dependency of dependencies) noObserver.breaker(dependency, 'open', 'away');
});
