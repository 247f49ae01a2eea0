import type { Schema } from 'avsc';
import fc from 'fast-check';
import { typeOf } from '../../lib/avro/long';
import { loadSchema } from '../../lib/avro/schema-file';
import { minusInfinity } from '../../lib/stores/postgres/instant';
import { origin } from '../../test/support/records/expired-artifacts';
import type { SweepProgress } from '../../schemas/generated';
import { cursorAtStart } from './page';
import { laterProgress, progressKey, progressOf, stateAtStart, stateOf } from './progress';

const progress = (columns: Partial<SweepProgress>): SweepProgress => ({
  ...progressOf('due', 'public.a', { ...stateAtStart, atMs: 1, origin }),
  ...columns,
});

/** All that PostgreSQL has until now. */
const instants = fc.oneof(
  fc.constant(minusInfinity),
  fc.bigInt({ min: -210_866_803_200_000_000n, max: 1_800_000_000_000_000n }),
);
const int8 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const atMs = 1_800_000_000_000;

test('a state survives being written and read, by Avro as well', () => {
  const type = typeOf(loadSchema('afterbuild.progress') as unknown as Schema);
  const cursorArbitrary = fc.record({
    expireAt: fc.option(instants),
    tie: fc.option(fc.record({ expireAt: instants, jobId: fc.option(int8) })),
  });
  fc.assert(
    fc.property(cursorArbitrary, fc.boolean(), fc.nat(), (cursor, complete, epoch) => {
      const state = { epoch, cursor, complete, atMs, origin };
      const bytes = type.toBuffer(progressOf('full', 'public.a', state));
      expect(stateOf(type.fromBuffer(bytes) as SweepProgress)).toEqual(state);
    }),
  );
});

test('a version before 2 reads the same watermark, or begins at the beginning', () => {
  const older = (expireAt: bigint) =>
    progressOf('due', 'public.a', {
      ...stateAtStart,
      cursor: { expireAt, tie: null },
      atMs,
      origin,
    });
  expect(older(-62_135_596_800_000_000n)).toMatchObject({ expireAtUs: null });
  expect(older(minusInfinity)).toMatchObject({ expireAtUs: null, expireAt: '-infinity' });
  expect(older(5n)).toMatchObject({ expireAtUs: 5, expireAt: '5' });
});

test('of a version before 2 a watermark counts, but none that lies ahead of its own writing', () => {
  const written = { ...progress({ atMs }), expireAt: null, tieExpireAt: null, tieJob: null };
  expect(stateOf({ ...written, expireAtUs: 7 }).cursor).toEqual({ expireAt: 7n, tie: null });
  // 1800-01-01, as avsc wrote it.
  expect(stateOf({ ...written, expireAtUs: 5_364_662_400_000_000 }).cursor).toEqual(cursorAtStart);
});

test('without a record a sweep begins at the beginning', () => {
  expect(stateOf(undefined).cursor).toEqual(cursorAtStart);
});

test('a former owner’s late watermark does not set the sweep back', () => {
  const ahead = progress({ expireAt: '9' });
  expect(laterProgress(ahead, progress({ expireAt: '5' }))).toBe(ahead);
  const further = progress({ expireAt: '12' });
  expect(laterProgress(ahead, further)).toBe(further);
  expect(laterProgress(undefined, ahead)).toBe(ahead);
});

test('a newer pass stands above a further cursor of an older one', () => {
  const older = progress({ epoch: 1, expireAt: '9' });
  const newer = progress({ epoch: 2, expireAt: null });
  expect(laterProgress(older, newer)).toBe(newer);
  expect(laterProgress(newer, older)).toBe(newer);
});

test('of two equal cursors the one that is complete stands', () => {
  const complete = progress({ expireAt: '9', complete: true });
  expect(laterProgress(complete, progress({ expireAt: '9' }))).toBe(complete);
});

test('in another history the later record stands, however far the earlier one was', () => {
  const restored = progress({ expireAt: '5', timeline: 2 });
  expect(laterProgress(progress({ expireAt: '9' }), restored)).toBe(restored);
});

test('keys name the sweep and the shard', () => {
  expect(progressKey('full', 'public.a')).toBe('full/public.a');
});
