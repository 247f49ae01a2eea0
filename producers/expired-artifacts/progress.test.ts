import fc from 'fast-check';
import { origin } from '../../test/support/expired-artifacts';
import type { SweepProgress } from '../../schemas/generated';
import { cursorAtStart } from './page';
import { laterProgress, progressKey, progressOf, stateAtStart, stateOf } from './progress';

const progress = (columns: Partial<SweepProgress>): SweepProgress => ({
  ...progressOf('due', 'public.a', { ...stateAtStart, atMs: 1, origin }),
  ...columns,
});

test('a state survives being written and read', () => {
  const cursorArbitrary = fc.record({
    expireAtUs: fc.option(fc.integer()),
    tie: fc.option(fc.record({ expireAtUs: fc.integer(), jobId: fc.option(fc.integer()) })),
  });
  fc.assert(
    fc.property(cursorArbitrary, fc.boolean(), fc.nat(), (cursor, complete, epoch) => {
      const state = { epoch, cursor, complete, atMs: 5, origin };
      expect(stateOf(progressOf('full', 'public.a', state))).toEqual(state);
    }),
  );
});

test('without a record a sweep begins at the beginning', () => {
  expect(stateOf(undefined).cursor).toEqual(cursorAtStart);
});

test('a former owner’s late watermark does not set the sweep back', () => {
  const ahead = progress({ expireAtUs: 9 });
  expect(laterProgress(ahead, progress({ expireAtUs: 5 }))).toBe(ahead);
  const further = progress({ expireAtUs: 12 });
  expect(laterProgress(ahead, further)).toBe(further);
  expect(laterProgress(undefined, ahead)).toBe(ahead);
});

test('a newer pass stands above a further cursor of an older one', () => {
  const older = progress({ epoch: 1, expireAtUs: 9 });
  const newer = progress({ epoch: 2, expireAtUs: null });
  expect(laterProgress(older, newer)).toBe(newer);
  expect(laterProgress(newer, older)).toBe(newer);
});

test('of two equal cursors the one that is complete stands', () => {
  const complete = progress({ expireAtUs: 9, complete: true });
  expect(laterProgress(complete, progress({ expireAtUs: 9 }))).toBe(complete);
});

test('in another history the later record stands, however far the earlier one was', () => {
  const restored = progress({ expireAtUs: 5, timeline: 2 });
  expect(laterProgress(progress({ expireAtUs: 9 }), restored)).toBe(restored);
});

test('keys name the sweep and the shard', () => {
  expect(progressKey('full', 'public.a')).toBe('full/public.a');
});
