import { assert, array, boolean, integer, property, uniqueArray } from 'fast-check';
import { OffsetTracker } from './offset-tracker';

test('the prefix stops at the oldest unfinished offset, in whatever order the others finish', () => {
  assert(
    property(
      integer({ min: 0, max: 2 ** 40 }),
      uniqueArray(integer({ min: 0, max: 3000 }), { minLength: 1, maxLength: 400 }),
      array(boolean(), { minLength: 400, maxLength: 400 }),
      (start, relative, finished) => {
        const offsets = relative.map((at) => start + at).sort((a, b) => a - b);
        const tracker = new OffsetTracker(start);
        for (const offset of offsets) tracker.take(offset);
        const open = new Set(offsets.filter((_, index) => !finished[index]));
        // The order of `relative` is random: that is the order in which they finish.
        for (const at of relative) if (!open.has(start + at)) tracker.finish(start + at);
        const oldest = offsets.find((offset) => open.has(offset)) ?? offsets.at(-1)! + 1;
        expect(tracker.doneBelow).toBe(oldest);
        const beyond = tracker.rangesBeyond().flatMap(offsetsOf);
        const window = offsetsOf({ from: oldest, to: tracker.taken });
        expect(beyond).toEqual(window.filter((offset) => !open.has(offset)));
        expect(window.filter((offset) => tracker.isDone(offset))).toEqual(beyond);
        expect(tracker.doneBeyond).toBe(beyond.length);
      },
    ),
    { numRuns: 200 },
  );
});

const offsetsOf = (range: { from: number; to: number }): number[] =>
  Array.from({ length: range.to - range.from }, (_, index) => range.from + index);

test('offsets that are never delivered do not hold the prefix', () => {
  const tracker = new OffsetTracker(0);
  for (const offset of [0, 2, 7]) tracker.take(offset);
  tracker.takeUpTo(10);
  for (const offset of [0, 7, 2]) tracker.finish(offset);
  expect(tracker.doneBelow).toBe(10);
});

test('a gap of a billion compacted offsets costs neither time nor memory', () => {
  const tracker = new OffsetTracker(5);
  tracker.take(1_000_000_000);
  expect(tracker.doneBelow).toBe(1_000_000_000);
  tracker.finish(1_000_000_000);
  expect(tracker.doneBelow).toBe(1_000_000_001);
});

test('what an earlier holder finished is known, and closes up when the gap before it does', () => {
  const tracker = new OffsetTracker(10, [{ from: 11, to: 13 }]);
  expect([10, 11, 12, 13].map((offset) => tracker.isDone(offset))).toEqual([
    false,
    true,
    true,
    false,
  ]);
  expect(tracker.version).toBe(0);
  tracker.take(10);
  tracker.finish(10);
  expect(tracker.doneBelow).toBe(13);
  expect(tracker.doneBeyond).toBe(0);
});

test('a record that comes again after it finished changes nothing', () => {
  const tracker = new OffsetTracker(0);
  tracker.take(0);
  tracker.take(1);
  tracker.finish(1);
  const { version } = tracker;
  tracker.take(1);
  tracker.finish(1);
  expect(tracker.version).toBe(version);
  expect(tracker.taken).toBe(2);
});
