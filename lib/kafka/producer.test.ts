import { offsetsOf, splitBySize, partitionOf } from './producer';

test('offsets count up from the first of each partition, in the records’ order', () => {
  const records = [
    { topic: 'a', partition: 1 },
    { topic: 'a', partition: 0 },
    { topic: 'a', partition: 1 },
    { topic: 'a' },
  ];
  const written = [
    { topicName: 'a', partition: 0, baseOffset: '7' },
    { topicName: 'a', partition: 1, baseOffset: '40' },
  ];
  expect(offsetsOf(records, written)).toEqual([40, 7, 41, null]);
});

test('an offset that the broker did not name is null', () => {
  expect(offsetsOf([{ topic: 'a', partition: 1 }], [])).toEqual([null]);
});

test('records are split below the limit, in order, and one above it goes alone', () => {
  const record = (bytes: number) => ({ topic: 'a', key: null, value: Buffer.alloc(bytes) });
  const parts = splitBySize([record(100), record(100), record(900), record(100)], 500);
  expect(parts.map((part) => part.map(({ value }) => value?.length))).toEqual([
    [100, 100],
    [900],
    [100],
  ]);
});

// Java: Utils.toPositive(Utils.murmur2("…".getBytes(UTF_8))) % n
test.each([
  ['21', -973932308],
  ['foobar', -790332482],
  ['a-little-bit-long-string', -985981536],
])('%s lies where Java’s murmur2 puts it', (key, murmur2) => {
  expect(partitionOf(key, 12)).toBe((murmur2 & 0x7fffffff) % 12);
});
