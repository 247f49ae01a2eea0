import { traceBytes } from './trace-bytes';
import { lossyDifference, survivingRanges } from './trace-pieces';

const build = 9;
const lost = [{ fromByte: 1_000, toByte: 2_000 }];
const piece = (from: number, to: number): Buffer => traceBytes(build, from, to - from);
const difference = (...parts: Buffer[]): number | undefined =>
  lossyDifference(build, Buffer.concat(parts), 3_000, lost);

test('what survives is everything around the losses', () => {
  expect(survivingRanges(3_000, lost)).toEqual([
    { fromByte: 0, toByte: 1_000 },
    { fromByte: 2_000, toByte: 3_000 },
  ]);
  expect(survivingRanges(3_000, [{ fromByte: 0, toByte: 3_000 }])).toEqual([]);
});

test('nothing, a marker or the bytes themselves may stand for what was lost', () => {
  expect(difference(piece(0, 1_000), piece(2_000, 3_000))).toBeUndefined();
  const marker = Buffer.from('[a chunk was lost]');
  expect(difference(piece(0, 1_000), marker, piece(2_000, 3_000))).toBeUndefined();
  expect(difference(piece(0, 3_000))).toBeUndefined();
});

test('a surviving byte that is missing is found', () => {
  expect(difference(piece(0, 999), piece(2_000, 3_000))).toBe(0);
  expect(difference(piece(0, 1_000), piece(2_001, 3_000))).toBe(2_000);
  expect(difference(piece(0, 1_000), Buffer.alloc(9_000), piece(2_000, 3_000))).toBe(2_000);
});
