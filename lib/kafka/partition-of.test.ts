import { partitionOf } from './partition-of';

// Java: Utils.toPositive(Utils.murmur2("…".getBytes(UTF_8))) % n
test.each([
  ['21', -973932308],
  ['foobar', -790332482],
  ['a-little-bit-long-string', -985981536],
])('%s lies where Java’s murmur2 puts it', (key, murmur2) => {
  expect(partitionOf(key, 12)).toBe((murmur2 & 0x7fffffff) % 12);
});
