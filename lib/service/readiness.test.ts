import { joined, partitionState } from '../../test/support/memory/consumer-state';
import { readinessOf, type Observation } from './readiness';

const well: Observation = {
  phase: 'working',
  consumer: { state: joined(partitionState()), ready: true },
  troubles: [],
  stallRedMs: 60_000,
};

const stuck = { cause: 'reading a page fails: permission denied', isStuck: true };

test('a process at work is ready, and so is a spare one', () => {
  expect(readinessOf(well)).toMatchObject({ ready: true, causes: [] });
  const spare = { state: joined(), ready: true };
  expect(readinessOf({ ...well, consumer: spare })).toMatchObject({ ready: true });
});

test.each<[string, Partial<Observation>, RegExp]>([
  ['starts', { phase: 'starting' }, /the process is starting/],
  ['stops', { phase: 'stopping' }, /the process is stopping/],
  ['has no consumer', { consumer: null }, /not been started/],
  [
    'is outside the group',
    { consumer: { state: { ...joined(), joined: false }, ready: false } },
    /not a member of the group/,
  ],
  [
    'has a halted lane',
    { consumer: { state: joined(partitionState({ halts: ['unknown schema 7'] })), ready: false } },
    /things\/0 is halted: unknown schema 7/,
  ],
  [
    'stalls',
    {
      consumer: {
        state: { ...joined(), stalledMs: 61_500, stalledBy: '7 records are not taken' },
        ready: true,
      },
    },
    /^7 records are not taken \(for 61 s\)$/,
  ],
  [
    'repeats what no server is to blame for',
    { troubles: [stuck, stuck] },
    /^reading a page fails: permission denied$/,
  ],
  ['cannot go on', { consumer: { state: joined(), ready: false } }, /cannot go on/],
])('one that %s is not, and says why', (_, change, cause) => {
  const { ready, causes } = readinessOf({ ...well, ...change });
  expect(ready).toBe(false);
  expect(causes).toEqual([expect.stringMatching(cause)]);
});

test('a partition that waits for a dependency is named, and counts as ready', () => {
  const held = partitionState({ held: 's3: ECONNREFUSED' });
  const consumer = { state: joined(held, { ...held, partition: 1 }), ready: true };
  expect(readinessOf({ ...well, consumer })).toMatchObject({
    ready: true,
    held: ['s3: ECONNREFUSED'],
  });
});

test('so is a sweep that repeats what an outage prevents, each cause once', () => {
  const outage = { cause: 'reading a page fails: ECONNREFUSED', isStuck: false };
  expect(readinessOf({ ...well, troubles: [outage, outage] })).toMatchObject({
    ready: true,
    held: [outage.cause],
  });
});
