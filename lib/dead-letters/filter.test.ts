import { aLetter } from '../../test/support/records/dead-letter-fixture';
import { matches, type DeadLetterFilter } from './filter';
import { deadLetterPlaces, placesOf } from './places';
import { summarize } from './summary';

const letter = aLetter({ offset: 4, reason: 'no-value', lastFailureAtMs: 1_000 });

test.each<[DeadLetterFilter, boolean]>([
  [{}, true],
  [{ partition: 0, offset: 4, reason: 'no-value', errorClass: 'Error', key: 'k' }, true],
  [{ partition: 1 }, false],
  [{ offset: 5 }, false],
  [{ reason: 'wire-format' }, false],
  [{ errorClass: 'RangeError' }, false],
  [{ key: 'K' }, false],
  [{ sinceMs: 1_000 }, true],
  [{ sinceMs: 1_001 }, false],
  [{ untilMs: 1_001 }, true],
  [{ untilMs: 1_000 }, false],
])('%j finds it: %s', (filter, expected) => {
  expect(matches(letter, filter)).toBe(expected);
});

test.each([
  [{}, 4],
  [{ group: 'artifact-deleter' }, 1],
  [{ group: 'a.artifact-deleter' }, 1],
  [{ topic: 'builds.finished' }, 1],
  [{ topic: 'a.builds.finished.trace-archiver.dlq' }, 1],
  [{ topic: 'builds.finished', group: 'artifact-deleter' }, 0],
  [{ group: 'deleter' }, 0],
])('%j names %i places', (names, count) => {
  expect(placesOf(deadLetterPlaces('a.'), 'a.', names)).toHaveLength(count);
});

test('a summary counts what waits by its cause, and what is settled apart', () => {
  const summary = summarize([
    aLetter({ lastFailureAtMs: 5 }),
    letter,
    aLetter({ lastFailureAtMs: 3 }),
    aLetter({ settled: 'parked', lastFailureAtMs: 9_999 }),
    aLetter({ settled: 'redriven' }),
  ]);
  expect(summary).toMatchObject({ waiting: 3, redriven: 1, parked: 1 });
  expect(summary).toMatchObject({ oldestAtMs: 3, newestAtMs: 1_000 });
  expect(summary.causes).toEqual([
    { errorKind: 'transient', reason: null, errorClass: 'Error', count: 2 },
    { errorKind: 'transient', reason: 'no-value', errorClass: 'Error', count: 1 },
  ]);
});

test('nothing has no oldest', () => {
  expect(summarize([])).toMatchObject({ waiting: 0, oldestAtMs: null, newestAtMs: null });
});
