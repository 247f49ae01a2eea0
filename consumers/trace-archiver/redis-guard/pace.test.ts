import fc from 'fast-check';
import { chunkBytes } from '../../../lib/gitlab/trace-chunks';
import { batchBytesMax, firstPace, isThrottled, nextPace, type Pace } from './pace';

const budgetMs = 200;
const after = (elapsed: readonly number[], from: Pace = firstPace): Pace =>
  elapsed.reduce((pace, elapsedMs) => nextPace(pace, elapsedMs, budgetMs), from);

test('a database that is quick gets larger batches, and rests as long as it has worked', () => {
  expect(after([20])).toEqual({ batchBytes: 2 * firstPace.batchBytes, pauseMs: 20 });
  expect(after([20, 20, 20, 20, 20, 20]).batchBytes).toBe(batchBytesMax);
});

test('a batch near the budget stays as large as it is', () => {
  expect(after([150])).toEqual({ batchBytes: firstPace.batchBytes, pauseMs: 150 });
});

test('a batch over the budget is halved, down to one chunk', () => {
  expect(after([201])).toEqual({ batchBytes: firstPace.batchBytes / 2, pauseMs: 201 });
  expect(after([300, 300, 300]).batchBytes).toBe(chunkBytes);
});

test('where one chunk is over the budget the rests double, up to a minute', () => {
  const slow = after([300, 300]);
  expect(isThrottled(slow, budgetMs)).toBe(true);
  expect([after([300], slow).pauseMs, after([300, 300], slow).pauseMs]).toEqual([600, 1_200]);
  expect(after(Array<number>(20).fill(300), slow).pauseMs).toBe(60_000);
});

test('one quick chunk ends the sparing', () => {
  const spared = after([300, 300, 300, 300]);
  const quick = after([20], spared);
  expect([isThrottled(spared, budgetMs), isThrottled(quick, budgetMs)]).toEqual([true, false]);
  expect(quick.pauseMs).toBe(20);
});

test('however long the database takes, it rests at least as long, but for a minute at most', () => {
  const elapsed = fc.array(fc.double({ min: 0, max: 100_000, noNaN: true }), { minLength: 1 });
  fc.assert(
    fc.property(elapsed, (all) => {
      const pace = after(all);
      expect(pace.pauseMs).toBeGreaterThanOrEqual(Math.min(60_000, all.at(-1) ?? 0));
      expect(pace.pauseMs).toBeLessThanOrEqual(Math.max(60_000, budgetMs));
      expect(pace.batchBytes).toBeGreaterThanOrEqual(chunkBytes);
      expect(pace.batchBytes).toBeLessThanOrEqual(batchBytesMax);
    }),
  );
});
