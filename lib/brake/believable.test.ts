import { origin } from '../../test/support/records/expired-artifacts';
import { refuseWriting, type Writing } from './believable';

const nowMs = 1_800_000_000_000;
const writing: Writing = { atMs: nowMs, origin, passes: 0 };
const refused = (change: Partial<Writing>) => refuseWriting({ ...writing, ...change }, nowMs);

test('what was written by now is believed, also where clocks differ by a few minutes', () => {
  expect(refused({})).toBeUndefined();
  expect(refused({ atMs: 1, passes: 1_000_000_000 })).toBeUndefined();
  expect(refused({ atMs: nowMs + 900_000 })).toBeUndefined();
});

test.each<[string, Partial<Writing>, RegExp]>([
  ['the future', { atMs: nowMs + 900_001 }, /its time/],
  ['no time', { atMs: NaN }, /its time/],
  ['a time before 1970', { atMs: -1 }, /its time/],
  ['the last pass that an int can count', { passes: 2_147_483_647 }, /more passes/],
  ['a negative pass', { passes: -1 }, /more passes/],
  ['a system that is none', { origin: { ...origin, systemIdentifier: 'x' } }, /system/],
  ['timeline 0', { origin: { ...origin, timeline: 0 } }, /place in the history/],
  ['a negative position', { origin: { ...origin, lsn: -1 } }, /place in the history/],
])('%s is refused', (_, change, reason) => {
  expect(refused(change)).toMatch(reason);
});
