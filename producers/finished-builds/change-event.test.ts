import { UndecodableRecordError } from '../../lib/kafka/undecodable-record-error';
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
  __ts_ms: 5_000,
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
    committedAtMs: 5_000,
    transactionId: 50,
  });
});

test('a build that was erased says so, one that still runs has no end', () => {
  const change = readChange({ ...event, finished_at: null, erased_at: 1 });
  expect(change).toMatchObject({ finishedAtMs: null, isErased: true });
});

test('what lacks a listed column is undecodable, by name', () => {
  const { erased_at, ...without } = event;
  expect(erased_at).toBeNull();
  expect(() => readChange({ ...without, id: 'x' })).toThrow(UndecodableRecordError);
  expect(() => readChange({ ...without, id: 'x' })).toThrow(/id, erased_at/);
});
