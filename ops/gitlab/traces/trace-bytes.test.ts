import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { chunkBytes } from '../../../lib/gitlab/trace-chunks';
import { firstDifference, traceBytes, traceCrc32, traceSha256 } from './trace-bytes';

test('a part of a trace is the same whichever way it is cut', () => {
  const whole = traceBytes(7, 0, 400_000);
  const cut = [traceBytes(7, 0, 100_001), traceBytes(7, 100_001, 299_999)];
  expect(Buffer.concat(cut).equals(whole)).toBe(true);
});

test('no two chunks of a trace and no two traces are alike', () => {
  const chunks = [7, 8].flatMap((build) =>
    Array.from({ length: 160 }, (_, index) =>
      createHash('sha256')
        .update(traceBytes(build, index * chunkBytes, chunkBytes))
        .digest('hex'),
    ),
  );
  expect(new Set(chunks).size).toBe(320);
});

test('the sums are those of the bytes', () => {
  const bytes = traceBytes(3, 0, 300_000);
  expect(traceSha256(3, 300_000)).toBe(createHash('sha256').update(bytes).digest('hex'));
  expect(traceCrc32(3, 300_000)).toBe(crc32(bytes));
  expect(traceCrc32(3, 0)).toBe(0);
});

test('the first wrong byte is found by its offset in the trace', () => {
  const bytes = traceBytes(3, 1_000, 200_000);
  expect(firstDifference(3, bytes, 1_000)).toBeUndefined();
  bytes[150_000] = 0;
  expect(firstDifference(3, bytes, 1_000)).toBe(151_000);
  expect(firstDifference(4, bytes, 1_000)).toBeGreaterThanOrEqual(1_000);
});
