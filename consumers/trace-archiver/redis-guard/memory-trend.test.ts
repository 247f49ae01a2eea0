import fc from 'fast-check';
import { MemoryTrend } from './memory-trend';

const everyMs = 10_000;

/** Readings every ten seconds; the memory in use at each. */
function seen(usedBytes: readonly number[], maxBytes: number | null): MemoryTrend {
  const trend = new MemoryTrend();
  usedBytes.forEach((used, at) => trend.add(at * everyMs, { usedBytes: used, maxBytes }));
  return trend;
}

const growing = (count: number, bytesEach: number): number[] =>
  Array.from({ length: count }, (_, at) => 1_000 + at * bytesEach);

test('memory that grows evenly is full when the rest is used up at that rate', () => {
  // 1,000 bytes in ten seconds; 91,000 are left.
  expect(seen(growing(10, 1_000), 101_000).fullInMs()).toBe(910_000);
});

test.each<[string, MemoryTrend]>([
  ['without a limit', seen(growing(10, 1_000), null)],
  ['that shrinks', seen(growing(10, 1_000).toReversed(), 101_000)],
  ['that stands', seen(growing(10, 0), 101_000)],
  ['of which too little is known', seen(growing(5, 1_000), 101_000)],
  ['that would be full in a year', seen(growing(10, 1), 1e9)],
  ['without a reading', new MemoryTrend()],
])('memory %s is not said to be full at any time', (_name, trend) => {
  expect(trend.fullInMs()).toBeNull();
});

test('memory at its limit is full now, after any earlier readings', () => {
  expect(seen([500], 500).fullInMs()).toBe(0);
});

test('a server that does not answer is forgotten: it may be another one when it does', () => {
  const trend = seen(growing(10, 1_000), 101_000);
  trend.lost();
  expect([trend.last, trend.fullInMs()]).toEqual([null, null]);
  trend.add(200_000, { usedBytes: 7, maxBytes: 10 });
  expect([trend.last?.usedBytes, trend.fullInMs()]).toEqual([7, null]);
});

test('what is shown of a server is what the schema of the status has, and no more', () => {
  const trend = new MemoryTrend();
  const said = { usedBytes: 7, maxBytes: 10, evicts: false };
  trend.add(0, said);
  expect(trend.last).toEqual({ usedBytes: 7, maxBytes: 10 });
});

test('only the last ten minutes count', () => {
  const trend = seen([...growing(200, 1_000), ...growing(60, 0)], 1_000_000);
  expect(trend.fullInMs()).toBeNull();
});

test('for any readings, the answer is no time, or one between now and a month', () => {
  const bytes = fc.array(fc.integer({ min: 0, max: 1e12 }), { maxLength: 80 });
  fc.assert(
    fc.property(bytes, fc.option(fc.integer({ min: 1, max: 1e12 })), (used, maxBytes) => {
      const fullInMs = seen(used, maxBytes).fullInMs() ?? 0;
      expect(fullInMs >= 0 && fullInMs <= 30 * 86_400_000).toBe(true);
    }),
  );
});
