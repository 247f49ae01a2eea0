import type { CdcHealth } from '../lib/connect/cdc-health';
import { difference, lookTwice } from './status';

const gapAt = (storedLsn: number) => ({
  gap: { kind: 'slot-advanced', storedLsn, slotLsn: 900, streamsOn: true },
  breaks: [{ text: 'past the stored position', losesChanges: false, isGap: true }],
  slot: { active: true },
});
const well = { gap: null, breaks: [], slot: { active: true } };

async function looks(...health: object[]) {
  const left = [...health];
  const look = () => Promise.resolve(left.shift() as unknown as CdcHealth);
  const seen = await lookTwice(look, new AbortController().signal, () => Promise.resolve());
  return { breaks: seen.breaks.length, asked: health.length - left.length };
}

test('a gap that moves while the connector works is not reported, and one that stays is', async () => {
  expect(await looks(gapAt(100), gapAt(300))).toEqual({ breaks: 0, asked: 2 });
  expect(await looks(gapAt(100), well)).toEqual({ breaks: 0, asked: 2 });
  expect(await looks(gapAt(100), gapAt(100))).toEqual({ breaks: 1, asked: 2 });
  expect(await looks(well)).toEqual({ breaks: 0, asked: 1 });
});

test('a setting that differs is reported with both values, a secret without them', () => {
  expect(difference('heartbeat.interval.ms', '1000', '5000')).toBe(
    'heartbeat.interval.ms is 1000, here it would be 5000',
  );
  expect(difference('snapshot.mode', undefined, 'no_data')).toBe(
    'snapshot.mode is not set, here it would be no_data',
  );
  expect(difference('database.password', 'a', 'b')).toBe('database.password differs');
});
