import { origin } from '../../test/support/records/expired-artifacts';
import type { StaleProgress } from '../../schemas/generated';
import { refuseProgress } from './believable';
import { progressOf } from './progress';

const nowMs = 1_800_000_000_000;
const cursor = { partitionId: 100, buildId: 40 };
const state = { pass: 3, cursor, complete: false, begunAtMs: nowMs - 1_000 };
const progress = progressOf(5, state, origin, nowMs);
const refused = (change: Partial<StaleProgress>, place = { key: 'stale/5', partition: 5 }) =>
  refuseProgress(place, { ...progress, ...change }, nowMs);

test('a cursor of ours counts', () => {
  expect(refused({})).toBeUndefined();
});

test.each<[string, Partial<StaleProgress>, RegExp]>([
  ['of another slice than its key', { slice: 6 }, /under the key stale\/5/],
  ['dated in the future', { atMs: nowMs + 86_400_000 }, /its time/],
  // The next pass would wait until then.
  ['whose pass begins in the future', { begunAtMs: nowMs + 86_400_000 }, /its pass begins/],
  ['of the last pass that an int can count', { pass: 2_147_483_647 }, /more passes/],
  ['at a negative build', { buildId: -1 }, /its cursor/],
])('a cursor %s is passed over', (_, change, reason) => {
  expect(refused(change)).toMatch(reason);
});

test('a cursor under a foreign key or in a foreign partition is passed over: none of ours would take its place', () => {
  expect(refused({}, { key: 'x', partition: 5 })).toMatch(/under the key x/);
  expect(refused({}, { key: 'stale/5', partition: 6 })).toMatch(/another partition/);
});
