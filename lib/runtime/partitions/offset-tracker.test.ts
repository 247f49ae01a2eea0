import {
  assert,
  array,
  boolean,
  constantFrom,
  integer,
  property,
  tuple,
  uniqueArray,
} from 'fast-check';
import { OffsetTracker } from './offset-tracker';

test('the prefix stops at the oldest unfinished offset, in any order in which the others finish', () => {
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

/** A plain model: a set of finished offsets, and the position of intake. */
class Model {
  readonly done = new Set<number>();
  constructor(
    readonly start: number,
    public taken = start,
  ) {}

  takeUpTo(offset: number): void {
    for (; this.taken < offset; this.taken += 1) this.done.add(this.taken);
  }

  take(offset: number): void {
    this.takeUpTo(offset);
    this.taken = Math.max(this.taken, offset + 1);
  }

  get doneBelow(): number {
    let at = this.start;
    while (this.done.has(at)) at += 1;
    return at;
  }
}

test('taken, finished and skipped in any order, with what an earlier holder has done: it is what a set says', () => {
  const step = tuple(constantFrom('take', 'finish', 'takeUpTo'), integer({ min: 0, max: 60 }));
  const map = array(tuple(integer({ min: 1, max: 80 }), integer({ min: 1, max: 9 })), {
    maxLength: 4,
  });
  assert(
    property(
      integer({ min: 0, max: 2 ** 40 }),
      map,
      array(step, { maxLength: 60 }),
      (start, loaded, steps) => {
        const ranges = loaded.map(([from, length]) => ({
          from: start + from,
          to: start + from + length,
        }));
        const [tracker, model] = [new OffsetTracker(start, ranges), new Model(start)];
        for (const offset of ranges.flatMap(offsetsOf)) model.done.add(offset);
        for (const [what, number] of steps) {
          // Records arrive ahead of intake, and only taken records are ever finished.
          const offset = what === 'finish' ? model.taken - 1 - number : model.taken + (number % 8);
          if (what === 'finish' && offset < start) continue;
          if (what === 'take') model.take(offset);
          if (what === 'takeUpTo') model.takeUpTo(offset);
          if (what === 'finish') model.done.add(offset);
          tracker[what as 'take'](offset);
          const beyond = [...model.done]
            .filter((one) => one > model.doneBelow)
            .sort((a, b) => a - b);
          expect([tracker.doneBelow, tracker.doneBeyond]).toEqual([model.doneBelow, beyond.length]);
          expect(tracker.rangesBeyond().flatMap(offsetsOf)).toEqual(beyond);
          expect(tracker.taken).toBe(model.taken);
        }
      },
    ),
    { numRuns: 200 },
  );
});

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
