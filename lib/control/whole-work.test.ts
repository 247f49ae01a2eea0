import type { InstanceStatus, SourceWork } from '../../schemas/generated';
import { wholeEtaOf, wholeOf } from './whole-work';

const nowMs = 10_000_000;
const work = (other: Partial<SourceWork> = {}): SourceWork => ({
  unit: 'artifacts',
  perSecond: 0,
  inDatabase: 0,
  isEstimate: false,
  dueSinceMs: null,
  inFlight: 0,
  waitsFor: null,
  bytesFreed: null,
  ...other,
});
const live = (...works: (SourceWork | null)[]) =>
  works.map((own) => ({ work: own }) as InstanceStatus);
const deletes = (perSecond: number, isMoving = true) => ({
  isMoving,
  work: wholeOf(live(work({ perSecond, inDatabase: null })), nowMs),
});

test('what several instances say is summed up, and the oldest counts', () => {
  const both = live(
    work({ inDatabase: 30_000, dueSinceMs: nowMs - 60_000, inFlight: 5_000 }),
    work({ inDatabase: 5_218, dueSinceMs: nowMs - 3_600_000, isEstimate: true }),
  );
  expect(wholeOf(both, nowMs)).toMatchObject({
    ...{ inDatabase: 35_218, inFlight: 5_000, dueForMs: 3_600_000, isEstimate: true },
  });
});

test('freed bytes are those of the instances that report them; an older version does not', () => {
  const freed = (...bytes: (number | null)[]) =>
    wholeOf(live(...bytes.map((bytesFreed) => work({ bytesFreed }))), nowMs)?.bytesFreed;
  expect([freed(5, null, 7), freed(null)]).toEqual([12, null]);
});

test.each([
  ['one has not counted yet', live(work({ inDatabase: 7 }), work({ inDatabase: null }))],
  ['one of an older version says nothing', live(work({ inDatabase: 7 }), null)],
])('half of a sum is no sum: %s', (_, instances) => {
  expect(wholeOf(instances, nowMs)?.inDatabase).toBeNull();
});

test('the end of all of it is reckoned from the database to the last effect', () => {
  const whole = wholeOf(live(work({ inDatabase: 35_000, inFlight: 5_000 })), nowMs);
  expect(wholeEtaOf(whole, deletes(100))).toBe(400_000);
  expect(wholeEtaOf(whole, deletes(100, false))).toBeNull();
  expect(wholeEtaOf(whole, deletes(0))).toBeNull();
  expect(wholeEtaOf(whole, undefined)).toBeNull();
  expect(wholeEtaOf(wholeOf(live(work()), nowMs), undefined)).toBe(0);
});
