import { failureHeaders } from '../failure-headers';
import { FetchedRecord } from '../../kafka/fetched-record';
import { PresentedRecord } from './micro-batch';

const presented = (headers: Readonly<Record<string, string>>, isRetry: boolean) => {
  const texts = Object.entries(headers).map(([name, text]) => [name, Buffer.from(text)]);
  const raw = Object.fromEntries(texts) as Record<string, Buffer>;
  const fetched = new FetchedRecord({
    ...{ offset: 1, key: null, value: null, headers: raw, timestampMs: 9_000 },
  });
  const place = { topic: 't', partition: 0, value: null, attempt: 1, maybeRepeated: false };
  return new PresentedRecord(fetched, { ...place, isRetry }).timestampMs;
};

const retried = {
  [failureHeaders.originTopic]: 't',
  [failureHeaders.originPartition]: '0',
  [failureHeaders.originOffset]: '1',
  [failureHeaders.originTimestamp]: '5000',
  [failureHeaders.attempts]: '1',
  [failureHeaders.firstFailureAt]: '2026-05-01T12:00:00Z',
};

test('a record is as old as when it was written first: on its topic, on a retry topic, and redriven', () => {
  expect(presented({}, false)).toBe(9_000);
  expect(presented(retried, true)).toBe(5_000);
  // On its own topic nobody of ours has written that.
  expect(presented(retried, false)).toBe(9_000);
  expect(presented({ [failureHeaders.redriveTimestamp]: '4000' }, false)).toBe(4_000);
});
