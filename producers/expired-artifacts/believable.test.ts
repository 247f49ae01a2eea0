import fc from 'fast-check';
import { origin } from '../../test/support/records/expired-artifacts';
import type { SweepProgress } from '../../schemas/generated';
import { type PlacedProgress, refuseProgress } from './believable';
import { progressOf, stateAtStart, stateOf } from './progress';

const nowMs = 1_800_000_000_000;
const nowUs = BigInt(nowMs) * 1_000n;
const shard = 'public.a';
const progress = progressOf('due', shard, {
  ...{ ...stateAtStart, atMs: nowMs, origin },
  cursor: { expireAt: nowUs, tie: { expireAt: nowUs, jobId: 7n } },
});
const refused = (change: Partial<SweepProgress>, place: Partial<PlacedProgress> = {}) =>
  refuseProgress(
    { key: `due/${shard}`, isInPlace: true, progress: { ...progress, ...change }, ...place },
    nowMs,
  );

test('a watermark of ours counts, and so does one of a version before 2', () => {
  expect(refused({})).toBeUndefined();
  expect(refused({ expireAt: null, tieExpireAt: null, tieJob: null })).toBeUndefined();
  expect(refused({ expireAt: '-infinity' })).toBeUndefined();
});

test.each<[string, Partial<SweepProgress>, RegExp]>([
  ['of a sweep that there is not', { sweep: 'x' }, /of no sweep/],
  ['of another shard than its key', { shard: 'public.b' }, /under the key/],
  ['dated in the future', { atMs: nowMs + 86_400_000 }, /its time/],
  ['of the last pass that an int can count', { epoch: 2_147_483_647 }, /more passes/],
  ['at no instant', { expireAt: 'soon' }, /its cursor/],
  ['before the first day of PostgreSQL', { expireAt: '-9000000000000000000' }, /its cursor/],
  [
    'in a group that is due in a thousand years',
    { tieExpireAt: '33330000000000000' },
    /its cursor/,
  ],
  ['in a group that is never due', { tieExpireAt: 'infinity' }, /its cursor/],
  ['at a job beyond int8', { tieJob: '9999999999999999999' }, /its cursor/],
])('a watermark %s is passed over', (_, change, reason) => {
  expect(refused(change)).toMatch(reason);
});

test('a watermark under a foreign key or in a foreign partition is passed over: none of ours would take its place', () => {
  expect(refused({}, { key: null })).toMatch(/under the key none/);
  expect(refused({}, { key: `full/${shard}` })).toMatch(/under the key full\/public.a/);
  expect(refused({}, { isInPlace: false })).toMatch(/another partition/);
});

test('of watermarks with any text and number, one that counts is a cursor that can be gone on from', () => {
  const text = fc.option(
    fc.oneof(
      fc.string(),
      fc.constantFrom('infinity', '-infinity'),
      fc.bigInt({ min: -(10n ** 19n), max: 10n ** 19n }).map(String),
    ),
  );
  const long = fc.option(fc.maxSafeInteger());
  const hostile = fc.record({
    ...{ expireAt: text, tieExpireAt: text, tieJob: text },
    ...{ expireAtUs: long, tieExpireAtUs: long, tieJobId: long },
    ...{ epoch: fc.integer(), atMs: fc.oneof(fc.maxSafeInteger(), fc.nat(nowMs)) },
  });
  fc.assert(
    fc.property(hostile, (change) => {
      if (refused(change) !== undefined) return;
      const { cursor, epoch } = stateOf({ ...progress, ...change });
      const lastUs = nowUs + 2n * 86_400_000_000n;
      for (const at of [cursor.expireAt, cursor.tie?.expireAt ?? null]) {
        if (at !== null) expect(at <= lastUs).toBe(true);
      }
      expect(epoch + 1).toBeLessThan(2 ** 31);
    }),
    { numRuns: 2_000 },
  );
});
