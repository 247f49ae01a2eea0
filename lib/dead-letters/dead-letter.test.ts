import { writeFailure } from '../runtime/failure-headers';
import { readDeadLetter } from './dead-letter';

const at = { topic: 'x.dlq', partition: 1 };
const record = { offset: 4, timestampMs: 9_000, key: Buffer.from('k'), value: Buffer.from('abc') };
const failure = {
  origin: { topic: 'x', partition: 7, offset: 12, timestampMs: 1_000 },
  group: 'g',
  attempts: 3,
  firstAtMs: 2_000,
  lastAtMs: 3_000,
  error: new RangeError('no'),
};

test('a dead letter says what its headers say', () => {
  const headers = {
    ...writeFailure({ ...failure, poison: 'wire-format' }),
    'afterbuild-redrive-id': 'r-1',
    'afterbuild-redrive-count': Buffer.from('2'),
  };
  expect(readDeadLetter(at, { ...record, headers })).toEqual({
    ...at,
    ...{ offset: 4, timestampMs: 9_000, key: 'k', valueBytes: 3, origin: failure.origin },
    ...{ group: 'g', attempts: 3, firstFailureAtMs: 2_000, lastFailureAtMs: 3_000 },
    ...{ errorKind: 'poison', reason: 'wire-format', errorClass: 'RangeError' },
    ...{ redriveId: 'r-1', redriveCount: 2 },
  });
});

test('a record of another writer has no origin, and failed when it was written', () => {
  const letter = readDeadLetter(at, { ...record, key: null, value: null, headers: {} });
  expect(letter).toMatchObject({ origin: null, group: null, lastFailureAtMs: 9_000 });
  expect(letter).toMatchObject({ key: null, valueBytes: null, redriveCount: 0, attempts: null });
});

test.each([
  ['afterbuild-origin-partition', '-1'],
  ['afterbuild-origin-offset', '1e3'],
  ['afterbuild-origin-offset', '9'.repeat(20)],
])('an origin with %s %s is none', (name, value) => {
  const headers = { ...writeFailure(failure), [name]: value };
  expect(readDeadLetter(at, { ...record, headers }).origin).toBeNull();
});

test('a header that is sent twice keeps its last value', () => {
  const headers = { ...writeFailure(failure), 'afterbuild-group': ['a', Buffer.from('b')] };
  expect(readDeadLetter(at, { ...record, headers }).group).toBe('b');
});
