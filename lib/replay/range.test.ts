import { array, assert, integer, nat, property, record } from 'fast-check';
import { planRanges, recordsIn, sampleOffsets } from './range';

const facts = record({
  logStart: nat(50),
  length: nat(100),
  committed: integer({ min: -1, max: 200 }),
  from: nat(200),
  to: nat(200),
});
const partitions = array(facts, { minLength: 1, maxLength: 5 }).map((all) =>
  all.map(({ logStart, length, ...rest }, partition) => ({
    ...{ ...rest, partition, logStart, highWatermark: logStart + length },
  })),
);

test('nothing is taken that lies outside the log, outside the range, or before the live group has committed it', () => {
  assert(
    property(partitions, (given) => {
      planRanges(given).forEach(({ from, to }, index) => {
        const { logStart, highWatermark, committed, ...asked } = given[index]!;
        expect(to).toBeGreaterThanOrEqual(from);
        for (let offset = logStart; offset < highWatermark; offset += 1) {
          const isWanted = offset >= asked.from && offset < asked.to && offset < committed;
          expect(offset >= from && offset < to).toBe(isWanted);
        }
      });
    }),
  );
});

test('what is left to the live group is counted, and a range that retention has cut says so', () => {
  const log = { partition: 0, logStart: 10, highWatermark: 100 };
  expect(planRanges([{ ...log, committed: 60, from: 10, to: 80 }])).toEqual([
    { partition: 0, from: 10, to: 60, leftToLive: 20, isCut: true },
  ]);
  expect(planRanges([{ ...log, committed: -1, from: 20, to: 80 }])).toEqual([
    { partition: 0, from: 20, to: 20, leftToLive: 60, isCut: false },
  ]);
});

test('a sample is spread over all that is taken, each record at most once', () => {
  assert(
    property(partitions, nat(40), (given, count) => {
      const plans = planRanges(given);
      const sample = sampleOffsets(plans, count);
      expect(sample).toHaveLength(Math.min(count, recordsIn(plans)));
      expect(new Set(sample.map(({ partition, offset }) => `${partition}/${offset}`)).size).toBe(
        sample.length,
      );
      for (const { partition, offset } of sample) {
        const plan = plans[partition]!;
        expect(offset >= plan.from && offset < plan.to).toBe(true);
      }
    }),
  );
});
