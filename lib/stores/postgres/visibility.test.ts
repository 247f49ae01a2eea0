import fc from 'fast-check';
import { extendTransactionId, isVisible, parseSnapshot } from './visibility';

const turn = 2 ** 32;

test('a snapshot is read from its text', () => {
  expect(parseSnapshot('10:20:12,15')).toEqual({ xmin: 10, xmax: 20, running: new Set([12, 15]) });
  expect(parseSnapshot('10:10:').running.size).toBe(0);
  expect(() => parseSnapshot('10-20')).toThrow('cannot be read');
});

test.each([
  [9, true, 'ended before all that run'],
  [10, true, 'ended since'],
  [12, false, 'still runs'],
  [19, true, 'the newest that has ended'],
  [20, false, 'not ended when the snapshot was taken'],
  [25, false, 'begun after it'],
])('of 10:20:12,15 transaction %i is visible: %s (%s)', (id, expected) => {
  expect(isVisible(parseSnapshot('10:20:12,15'), id)).toBe(expected);
});

test('ids of the previous turn are distinguished from those ahead, around the wrap', () => {
  const snapshot = parseSnapshot(`${turn + 5}:${turn + 10}:${turn + 7}`);
  expect(isVisible(snapshot, turn - 3)).toBe(true);
  expect(isVisible(snapshot, 4)).toBe(true);
  expect(isVisible(snapshot, 7)).toBe(false);
  expect(isVisible(snapshot, 12)).toBe(false);
  const before = parseSnapshot(`${turn - 5}:${turn - 2}:`);
  expect(isVisible(before, turn - 6)).toBe(true);
  // Given out after the wrap, while the snapshot still stands before it.
  expect(isVisible(before, 3)).toBe(false);
});

test('an event that has lain for nearly a whole turn counts as ended', () => {
  const snapshot = parseSnapshot(`${turn + 1_000}:${turn + 1_000}:`);
  expect(isVisible(snapshot, 2 ** 27)).toBe(true);
});

test('the extended id keeps its 32 bits and lies in the turn that ends a little ahead', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: turn - 1 }),
      fc.integer({ min: 3, max: 2 ** 48 }),
      (id, xmax) => {
        const extended = extendTransactionId(id, xmax);
        expect(((extended % turn) + turn) % turn).toBe(id);
        expect(extended).toBeLessThanOrEqual(xmax + 2 ** 26);
        expect(extended).toBeGreaterThan(xmax + 2 ** 26 - turn);
      },
    ),
  );
});
