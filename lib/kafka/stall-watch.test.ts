import { partitionState } from '../../test/support/consumer-state';
import type { PartitionState } from './consumer';
import { StallWatch } from './stall-watch';

const waiting = { doneBelow: 10, highWatermark: 20, bufferedRecords: 10 };

/** Looks at each state, a second apart. @returns what the last look gave. */
function lookAt(...states: (readonly Partial<PartitionState>[])[]): number {
  const watch = new StallWatch();
  const looks = states.map((partitions, second) =>
    watch.look(partitions.map(partitionState), 1_000 * second),
  );
  return looks.at(-1) ?? -1;
}

test('work that waits while nothing is finished is a stall', () => {
  expect(lookAt([waiting], [waiting], [waiting], [waiting])).toBe(3_000);
});

test('records that only come in do not hide it', () => {
  const more = { ...waiting, highWatermark: 25, bufferedRecords: 15 };
  expect(lookAt([waiting], [more], [{ ...more, paused: true }])).toBe(2_000);
});

test.each<[string, Partial<PartitionState>]>([
  ['the oldest record was finished', { doneBelow: 11, bufferedRecords: 9 }],
  ['a younger one was finished', { bufferedRecords: 9 }],
  ['nothing is left', { doneBelow: 20, bufferedRecords: 0 }],
])('it is over when %s', (_, change) => {
  expect(lookAt([waiting], [waiting], [{ ...waiting, ...change }])).toBe(0);
});

test.each<[string, Partial<PartitionState>]>([
  ['is loaded', { doneBelow: null }],
  ['is halted', { halts: ['cannot be decoded'] }],
  ['tries again', { retryingLanes: 1 }],
  ['is held', { held: 's3: is away' }],
  ['is kept from being fetched', { paused: true, bufferedRecords: 0 }],
])('a partition that %s does not stall', (_, change) => {
  const still = { ...waiting, ...change };
  expect(lookAt([still], [still], [still])).toBe(0);
});

test('one that gets on is enough for the process', () => {
  const second = (doneBelow: number) => ({ ...waiting, partition: 1, doneBelow });
  expect(lookAt([waiting, second(1)], [waiting, second(2)], [waiting, second(3)])).toBe(0);
});

test('a rebalance begins the count anew', () => {
  expect(lookAt([waiting], [waiting], [{ ...waiting, partition: 5 }])).toBe(0);
  expect(lookAt([waiting], [waiting], [waiting, { partition: 5 }])).toBe(0);
});
