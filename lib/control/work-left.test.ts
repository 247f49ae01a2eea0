import { assert, integer, property, record } from 'fast-check';
import { doneOf, kafkaLagOf, leftOf, workOf, type PartitionWork } from './work-left';

const at = (other: Partial<PartitionWork>): PartitionWork => ({
  ...{ topic: 't', partition: 0, logStart: 0, logEnd: 100, committed: 40, doneBeyond: 0, ...other },
});

test('a record that the commit map calls done is lag for Kafka and no work for us', () => {
  const one = at({ doneBeyond: 51 });
  expect([kafkaLagOf(one), leftOf(one), doneOf(one)]).toEqual([60, 9, 91]);
});

test('a group that has never committed begins at the start of the log, and has lost nothing', () => {
  const one = at({ committed: -1, logStart: 30 });
  expect([kafkaLagOf(one), leftOf(one), workOf([one]).lost]).toEqual([70, 70, 0]);
});

test('what retention took before it was handled is lost', () => {
  const parts = [at({ logStart: 50 }), at({ partition: 1 })];
  expect(workOf(parts)).toEqual({ records: 50 + 60, lost: 10, kafkaLag: 50 + 60 });
});

const natural = integer({ min: 0, max: 1_000 });
const partition = record({ logStart: natural, length: natural, committed: natural, done: natural });

test('the work left is never more than the lag, and neither is negative', () => {
  assert(
    property(partition, ({ logStart, length, committed, done }) => {
      const logEnd = logStart + length;
      const one = at({ logStart, logEnd, committed: committed - 1, doneBeyond: done });
      expect(leftOf(one)).toBeGreaterThanOrEqual(0);
      expect(leftOf(one)).toBeLessThanOrEqual(kafkaLagOf(one));
    }),
  );
});
