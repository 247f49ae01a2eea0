import { UndecodableRecordError } from '../../lib/runtime/poison';
import { readChange } from './change-event';

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
    expireAt: BigInt(Date.UTC(2026, 10, 24, 12)) * 1_000n + 1n,
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
    odd: null,
  });
});

test('an artifact without an expiry has none', () => {
  expect(readChange({ ...event, expire_at: null }).expireAt).toBeNull();
});

test('a field that is missing or of another type is named, its value is not', () => {
  const read = () => readChange({ ...event, locked: undefined, size: 'secret' });
  expect(read).toThrow(UndecodableRecordError);
  expect(read).toThrow(/artifact 101:5 lacks .*: size, locked\.$/);
  expect(read).not.toThrow(/secret/);
});

test.each([
  ['created_at', '-infinity'],
  ['created_at', 'infinity'],
  ['created_at', '-0043-03-15T12:00:00Z'],
  ['created_at', '+10000-01-01T00:00:00Z'],
  ['created_at', 'yesterday'],
  ['expire_at', 'yesterday'],
  ['id', 2n ** 53n + 1n],
  ['id', -5],
  ['partition_id', 0],
  ['project_id', -(2n ** 63n)],
  ['job_id', 0],
  ['file', 'x'.repeat(1_025)],
  ['file_final_path', '\u{1f600}'.repeat(257)],
])('%s = %s sets the row aside and is named', (field, value) => {
  const { odd } = readChange({ ...event, [field]: value });
  expect(odd).toMatchObject({ table: 'p_ci_job_artifacts', field });
  const read = { partition_id: 101, id: 5, [field]: value };
  expect(odd?.id).toBe(`${String(read.partition_id)}:${String(read.id)}`);
});

test.each([
  [null, null],
  [-1, 0],
  [2n ** 53n + 1n, Number.MAX_SAFE_INTEGER],
  [-(2n ** 63n), 0],
])('a size of %s only feeds counters: %s', (size, sizeBytes) => {
  expect(readChange({ ...event, size })).toMatchObject({ odd: null, sizeBytes });
});

test.each(['-infinity', 'infinity', '-4712-01-01T00:00:00Z', '+294276-12-31T23:59:59.999999Z'])(
  'an expiry of %s is one',
  (expireAt) => {
    expect(readChange({ ...event, expire_at: expireAt }).odd).toBeNull();
  },
);
