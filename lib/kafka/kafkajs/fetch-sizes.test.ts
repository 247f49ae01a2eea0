import fc from 'fast-check';
import { FetchSizes, type FetchAnswer } from './fetch-sizes';

const limits = { bytesMax: 1_048_576, memoryBytes: 2_097_152 };
const request = {
  maxBytes: 10,
  topics: [{ topic: 'things', partitions: [{ partition: 0, fetchOffset: '5', maxBytes: 1 }] }],
};
const askOf = (sizes: FetchSizes): number =>
  sizes.sized(request).topics[0]!.partitions[0]!.maxBytes;

/** Records of one size, from offset 0 on; only the last one's offset counts. */
function answer(records: number, valueBytes: number, highWatermark = 1_000_000): FetchAnswer {
  const message = { offset: String(records - 1), key: null, value: Buffer.alloc(valueBytes) };
  const messages = Array.from({ length: records }, () => message);
  const partition = { partition: 0, highWatermark: String(highWatermark), messages };
  return { responses: [{ topicName: 'things', partitions: [partition] }] };
}

/** The sizes of a topic whose records of `valueBytes` take `sentBytes` each on the network. */
function converge(sizes: FetchSizes, valueBytes: number, sentBytes: number): number {
  for (let fetch = 0; fetch < 12; fetch += 1) {
    sizes.measure(answer(Math.max(1, Math.floor(askOf(sizes) / sentBytes)), valueBytes));
  }
  return askOf(sizes);
}

test('a fetch keeps everything else that it asks for', () => {
  const sized = new FetchSizes(limits).sized(request);
  expect(sized).toMatchObject({ maxBytes: 10, topics: [{ topic: 'things' }] });
  expect(sized.topics[0]!.partitions[0]).toEqual({
    partition: 0,
    fetchOffset: '5',
    maxBytes: 262_144,
  });
});

test('what does not compress is asked for in full, what does in little', () => {
  expect(converge(new FetchSizes(limits), 1_024, 1_060)).toBe(limits.bytesMax);
  expect(converge(new FetchSizes(limits), 200, 5)).toBe(16_384);
});

test('what there was no more of, or nothing, says nothing', () => {
  const sizes = new FetchSizes(limits);
  sizes.measure(answer(10, 100, 10));
  sizes.measure(answer(0, 0));
  expect(askOf(sizes)).toBe(262_144);
});

test('a setting below the first ask holds', () => {
  const sizes = new FetchSizes({ ...limits, bytesMax: 100 });
  expect(askOf(sizes)).toBe(100);
  expect(converge(sizes, 1, 1)).toBe(100);
});

test('for any records, it settles where an answer fits, or at a bound', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 20_000 }),
      fc.double({ min: 1, max: 60, noNaN: true }),
      (valueBytes, compression) => {
        const sentBytes = (valueBytes + 20) / compression;
        const ask = converge(new FetchSizes(limits), valueBytes, sentBytes);
        const memoryBytes = (ask / sentBytes) * (valueBytes + 512);
        expect(ask).toBeGreaterThanOrEqual(16_384);
        expect(ask).toBeLessThanOrEqual(limits.bytesMax);
        if (ask > 16_384) expect(memoryBytes).toBeLessThan(1.2 * limits.memoryBytes);
        if (ask < limits.bytesMax) expect(memoryBytes).toBeGreaterThan(0.8 * limits.memoryBytes);
      },
    ),
    { numRuns: 40 },
  );
});
