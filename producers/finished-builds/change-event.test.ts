import { UndecodableRecordError } from '../../lib/runtime/poison';
import { readChange } from './change-event';

const event = {
  id: 7,
  partition_id: 101,
  project_id: 3,
  type: 'Ci::Build',
  status: 'failed',
  finished_at: 1_700_000_000_123_456,
  erased_at: null,
  __lsn: 900,
  __ts_ms: 1_700_000_001_000,
  __tx_id: 50,
  __op: 'u',
};

test('a change is read as Debezium writes it', () => {
  expect(readChange(event)).toEqual({
    partitionId: 101,
    buildId: 7,
    projectId: 3,
    type: 'Ci::Build',
    status: 'failed',
    finishedAtMs: 1_700_000_000_123,
    isErased: false,
    lsn: 900,
    committedAtMs: 1_700_000_001_000,
    transactionId: 50,
    odd: null,
  });
});

test.each([
  [null, 1_700_000_001_000],
  // A build in ten years, and the values that Debezium 3.6 and 3.7 write for the two infinities.
  [2_015_000_000_000_000, 1_700_000_001_000],
  [9_223_372_036_825_200_000n, 1_700_000_001_000],
  [9_223_372_036_854_775_807n, 1_700_000_001_000],
  [-9_223_372_036_832_400_000n, 0],
  [-(2n ** 63n), 0],
  [-62_135_596_800_000_000n, 0],
])('finished at %s: as far as the commit says that it can be', (finishedAt, finishedAtMs) => {
  expect(readChange({ ...event, finished_at: finishedAt })).toMatchObject({ finishedAtMs });
});

test.each([
  ['id', 2n ** 53n + 1n],
  ['id', 0],
  ['partition_id', -1],
  ['project_id', -(2n ** 63n)],
])('%s = %s sets the build aside and is named', (field, value) => {
  const { odd } = readChange({ ...event, [field]: value });
  expect(odd).toMatchObject({ table: 'p_ci_builds', field });
});

test('a build that was erased says so', () => {
  const change = readChange({ ...event, finished_at: null, erased_at: 1 });
  expect(change).toMatchObject({ isErased: true });
});

test('what lacks a listed column is undecodable, by name', () => {
  const { erased_at, ...without } = event;
  expect(erased_at).toBeNull();
  expect(() => readChange({ ...without, id: 'x' })).toThrow(UndecodableRecordError);
  expect(() => readChange({ ...without, id: 'x' })).toThrow(/id, erased_at/);
});
