import { array, assert, constantFrom, integer, property, record } from 'fast-check';
import { chosenOf, searchedMax, stretchesOf, type RecordsAsked } from './record-search';

const asked = (other: Partial<RecordsAsked> = {}): RecordsAsked => ({
  ...{ topic: 't', from: 'end', timeMs: null, limit: 10, ...other },
});
const ends = [
  { partition: 0, logStart: 5, highWatermark: 100 },
  { partition: 1, logStart: 0, highWatermark: 0 },
  { partition: 2, logStart: 0, highWatermark: 4 },
];

test('it begins at the end, the start, an offset or a time, within what the log holds', () => {
  const none = new Map<number, number>();
  const at = (other: Partial<RecordsAsked>, times = none) =>
    stretchesOf(asked(other), ends, times).map(({ partition, from, to }) => [partition, from, to]);
  expect(at({})).toEqual([
    [0, 70, 100],
    [2, 0, 4],
  ]);
  expect(at({ from: 'start', partition: 0 })).toEqual([[0, 5, 35]]);
  expect(at({ from: 'offset', offset: 97, partition: 0 })).toEqual([[0, 97, 100]]);
  expect(at({ from: 'offset', offset: 500, partition: 0 })).toEqual([]);
  expect(at({ from: 'time', timeMs: 0 }, new Map([[0, 50]]))).toEqual([[0, 50, 80]]);
  expect(at({ partition: 9 })).toEqual([]);
});

const partitions = array(
  record({ logStart: integer({ min: 0, max: 100 }), length: integer({ min: 0, max: 50_000 }) }),
  { maxLength: 30 },
);

test('no search reads outside the log, or more than its share', () => {
  const from = constantFrom('end', 'start', 'offset', 'time');
  assert(
    property(partitions, from, integer({ min: 0, max: 60_000 }), (given, begin, offset) => {
      const logs = given.map(({ logStart, length }, partition) => ({
        ...{ partition, logStart, highWatermark: logStart + length },
      }));
      const search = asked({ from: begin, offset, key: 'k' });
      const found = stretchesOf(search, logs, new Map([[0, offset]]));
      const read = found.reduce((all, stretch) => all + stretch.to - stretch.from, 0);
      expect(read).toBeLessThanOrEqual(searchedMax);
      for (const { partition, from: first, to } of found) {
        expect(first).toBeGreaterThanOrEqual(logs[partition]!.logStart);
        expect(to).toBeLessThanOrEqual(logs[partition]!.highWatermark);
      }
    }),
  );
});

test('from the end the latest come first, else the earliest', () => {
  const found = [3, 1, 2].map((timestampMs) => ({
    partition: 0,
    offset: timestampMs,
    timestampMs,
  }));
  const times = (from: RecordsAsked['from']) =>
    chosenOf(found, { from, limit: 2 }).map(({ timestampMs }) => timestampMs);
  expect([times('end'), times('start')]).toEqual([
    [3, 2],
    [1, 2],
  ]);
});
