import fc from 'fast-check';
import { membership, partitionState } from '../../../test/support/memory/consumer-state';
import type { PartitionState, IntakeHold } from '../consumer';
import { StallDetector, suspicions, type Seen, type Stall } from './stall-detector';

const graceMs = 5_000;
const seen = (partition: Partial<PartitionState> = {}, change: Partial<Seen> = {}): Seen => ({
  joined: true,
  partitions: [partitionState(partition)],
  isAnswered: true,
  isSilent: false,
  ...membership,
  ...change,
});

/** Looks at each, a second apart. @returns what the last look gave. */
function lookAt(...looks: readonly Seen[]): Stall {
  const watch = new StallDetector(graceMs);
  return looks.map((one, second) => watch.look(one, 1_000 * second)).at(-1)!;
}

const buffered = { doneBelow: 10, bufferedRecords: 10, taken: 20, logEnd: 20 };
const unfetched = { doneBelow: 10, taken: 10, logEnd: 20 };

describe('what was taken', () => {
  test('is a stall while nothing of it is finished, also while more comes in', () => {
    const more = { ...buffered, taken: 25, logEnd: 25, bufferedRecords: 15 };
    const stall = lookAt(seen(buffered), seen(more), seen({ ...more, paused: true }), seen(more));
    expect(stall).toEqual({ ms: 3_000, cause: 'work is waiting, and nothing was finished' });
  });

  test.each<[string, Partial<PartitionState>]>([
    ['the oldest record was finished', { doneBelow: 11, bufferedRecords: 9 }],
    ['a younger one was finished', { doneBeyond: 1, bufferedRecords: 9 }],
    ['nothing is left', { doneBelow: 20, bufferedRecords: 0 }],
  ])('is none any more when %s', (_, change) => {
    expect(lookAt(seen(buffered), seen(buffered), seen({ ...buffered, ...change })).ms).toBe(0);
  });

  test.each<[string, Partial<PartitionState>]>([
    ['is halted', { halts: ['cannot be decoded'] }],
    ['tries again', { retryingLanes: 1 }],
    ['is held', { held: 's3: is away' }],
  ])('is none in a partition that %s', (_, change) => {
    const still = seen({ ...buffered, ...change });
    expect(lookAt(still, still, still).ms).toBe(0);
  });

  test('is none while another partition gets on: they share their slots', () => {
    const both = (doneBelow: number) =>
      seen(
        {},
        {
          partitions: [
            partitionState(buffered),
            partitionState({ ...buffered, partition: 1, doneBelow }),
          ],
        },
      );
    expect(lookAt(both(1), both(2), both(3)).ms).toBe(0);
  });

  test('is counted anew after a rebalance', () => {
    const other = seen({ ...buffered, partition: 5 });
    expect(lookAt(seen(buffered), seen(buffered), other).ms).toBe(0);
  });
});

describe('what lies in Kafka', () => {
  test('is a stall while it is not taken, although the other partitions get on', () => {
    const both = (doneBelow: number) =>
      seen(
        {},
        {
          partitions: [
            partitionState(unfetched),
            partitionState({ partition: 1, doneBelow, taken: doneBelow }),
          ],
        },
      );
    expect(lookAt(both(1), both(2), both(3))).toEqual({
      ms: 2_000,
      cause: '10 records of things/0 lie in Kafka and are not taken',
    });
  });

  test('is none once intake has moved, or when nothing is left to take', () => {
    expect(lookAt(seen(unfetched), seen(unfetched), seen({ ...unfetched, taken: 11 })).ms).toBe(0);
    expect(lookAt(seen({ taken: 20, logEnd: 20 }), seen({ taken: 20, logEnd: 20 })).ms).toBe(0);
  });

  test.each<IntakeHold>(['halted', 'shut', 'not-due', 'lanes'])(
    'is none by the name of %s',
    (intakeHold) => {
      const still = seen({ ...unfetched, intakeHold });
      expect(lookAt(still, still, still).ms).toBe(0);
    },
  );

  test.each<IntakeHold>(['full', 'memory', 'window'])(
    'is one by the name of %s with nothing that makes room',
    (intakeHold) => {
      const still = seen({ ...unfetched, intakeHold });
      expect(lookAt(still, still, still).ms).toBe(2_000);
      const held = seen({ ...unfetched, intakeHold, bufferedRecords: 5, held: 's3: is away' });
      expect(lookAt(held, held, held).ms).toBe(0);
    },
  );

  test('may wait for a rebalance, and not for ever', () => {
    const still = seen({ ...unfetched, intakeHold: 'draining' });
    expect(lookAt(...Array.from({ length: 6 }, () => still)).ms).toBe(0);
    expect(lookAt(...Array.from({ length: 9 }, () => still)).ms).toBe(3_000);
    const unloaded = seen({ doneBelow: null, taken: null, logEnd: null, intakeHold: 'loading' });
    expect(lookAt(...Array.from({ length: 9 }, () => unloaded))).toEqual({
      ms: 3_000,
      cause: 'things/0 has no position although Kafka answers',
    });
  });
});

describe('the group', () => {
  const outside = (change: Partial<Seen> = {}) =>
    seen({}, { joined: false, isSilent: true, ...change });

  test('that answers must take us in', () => {
    const looks = Array.from({ length: 9 }, () => outside());
    expect(lookAt(...looks)).toEqual({
      ms: 3_000,
      cause: 'the group’s coordinator answers, but the process does not become a member',
    });
  });

  test('must accept what is done, unless it says that it cannot', () => {
    const refused = seen({ isUncommitted: true }, { commitsRefusedBy: 'not the coordinator' });
    expect(lookAt(...Array.from({ length: 9 }, () => refused))).toEqual({
      ms: 3_000,
      cause: 'what is done cannot be committed (not the coordinator)',
    });
    const unable = { ...refused, commitsWaitFor: 'too few replicas' };
    expect(lookAt(...Array.from({ length: 9 }, () => unable)).ms).toBe(0);
  });
});

test('while Kafka is unavailable no record there, or sent there, is a stall', () => {
  const away = { isAnswered: false, isSilent: true, joined: false };
  const still = seen({ ...unfetched, ...buffered, isUncommitted: true }, away);
  expect(lookAt(...Array.from({ length: 9 }, () => still)).ms).toBe(0);
});

test('the time in which the process was frozen does not count', () => {
  const watch = new StallDetector(graceMs);
  watch.look(seen(unfetched), 0);
  expect(watch.look(seen(unfetched), 3_600_000).ms).toBe(5_000);
});

const holds: IntakeHold[] = [
  'loading',
  'draining',
  'halted',
  'shut',
  'not-due',
  'lanes',
  'full',
  'memory',
  'window',
];
const anyPartition = fc.record({
  taken: fc.integer({ min: 0, max: 20 }),
  logEnd: fc.option(fc.integer({ min: 0, max: 20 })),
  bufferedRecords: fc.integer({ min: 0, max: 3 }),
  intakeHold: fc.option(fc.constantFrom(...holds)),
  held: fc.option(fc.constant('s3: is away')),
  retryingLanes: fc.integer({ min: 0, max: 1 }),
  halts: fc.constantFrom([], ['for an operator']),
});

test('for any partition: without a name it is suspected exactly when something is left; by a name never', () => {
  fc.assert(
    fc.property(anyPartition, (change) => {
      const found = suspicions(seen(change), graceMs);
      const { taken, logEnd, bufferedRecords, intakeHold } = change;
      const isLeft = logEnd !== null && taken < logEnd;
      const isIntake = found.some(({ of }) => of === 'things/0');
      if (intakeHold === null) expect(isIntake).toBe(isLeft);
      if (!isLeft || ['halted', 'shut', 'not-due', 'lanes'].includes(intakeHold ?? ''))
        expect(isIntake).toBe(false);
      const isNamed = change.held !== null || change.retryingLanes > 0 || change.halts.length > 0;
      expect(found.some(({ of }) => of === 'work')).toBe(bufferedRecords > 0 && !isNamed);
    }),
  );
});

test('for any story: the count never outruns the time in which the same thing stood', () => {
  const look = fc.record({
    afterMs: fc.integer({ min: 0, max: 20_000 }),
    isAnswered: fc.boolean(),
    partition: anyPartition,
  });
  fc.assert(
    fc.property(fc.array(look, { maxLength: 30 }), (looks) => {
      const watch = new StallDetector(graceMs);
      let nowMs = 0;
      let stoodMs = 0;
      for (const { afterMs, isAnswered, partition } of looks) {
        nowMs += afterMs;
        const one = seen(partition, { isAnswered });
        stoodMs = suspicions(one, graceMs).length === 0 ? 0 : stoodMs + afterMs;
        expect(watch.look(one, nowMs).ms).toBeLessThanOrEqual(stoodMs);
      }
    }),
  );
});
