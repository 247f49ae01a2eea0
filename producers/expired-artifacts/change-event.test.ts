import { UndecodableRecordError } from '../../lib/kafka/undecodable-record-error';
import { microsecondsOf, readChange } from './change-event';

const event = {
  id: 5,
  partition_id: 101,
  project_id: 6,
  job_id: 7,
  file_type: 1,
  size: 8,
  created_at: '2026-11-23T23:59:59.999999Z',
  expire_at: '2026-11-24T12:00:00.000001Z',
  file: 'artifacts.zip',
  file_store: 2,
  file_location: null,
  file_final_path: null,
  locked: 0,
  __op: 'u',
  __lsn: 900,
  __ts_ms: 1_795_000_000_123,
  __tx_id: 4_294_967_295,
};

test('columns and positions are taken over, times to the microsecond', () => {
  expect(readChange(event)).toEqual({
    id: 5,
    partitionId: 101,
    projectId: 6,
    jobId: 7,
    expireAtUs: Date.UTC(2026, 10, 24, 12) * 1_000 + 1,
    createdOnDays: Date.UTC(2026, 10, 23) / 86_400_000,
    fileType: 1,
    file: 'artifacts.zip',
    fileStore: 2,
    fileLocation: null,
    fileFinalPath: null,
    sizeBytes: 8,
    locked: 0,
    lsn: 900,
    committedAtMs: 1_795_000_000_123,
    transactionId: 4_294_967_295,
  });
});

test('an artifact without an expiry has none', () => {
  expect(readChange({ ...event, expire_at: null }).expireAtUs).toBeNull();
});

test('a field that is missing or of another type is named, its value is not', () => {
  const read = () => readChange({ ...event, locked: undefined, size: 'secret' });
  expect(read).toThrow(UndecodableRecordError);
  expect(read).toThrow(/: size, locked\.$/);
  expect(read).not.toThrow(/secret/);
});

test.each([
  ['1970-01-01T00:00:00Z', 0],
  ['1970-01-01T00:00:00.1Z', 100_000],
  ['1970-01-01T00:00:00.000001999Z', 1],
  ['1969-12-31T23:59:59.999999Z', -1],
  ['1970-01-01T01:00:00+01:00', 0],
  ['infinity', Number.MAX_SAFE_INTEGER],
  ['+294247-01-10T04:00:54.775807Z', Number.MAX_SAFE_INTEGER],
])('%s is %i microseconds', (text, expected) => {
  expect(microsecondsOf(text)).toBe(expected);
});

test.each(['', 'yesterday', '2026-13-01T00:00:00Z', '2026-11-24 12:00'])(
  '%j is no instant',
  (text) => {
    expect(() => microsecondsOf(text)).toThrow(UndecodableRecordError);
  },
);
