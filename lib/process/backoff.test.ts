import { assert, double, integer, property } from 'fast-check';
import { retryDelayMs } from './backoff';

const chance = double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

test('each delay is between half and all of a step that doubles up to the cap, for any random number', () => {
  const failures = integer({ min: 1, max: 10_000 });
  const first = integer({ min: 1, max: 5_000 });
  const factor = integer({ min: 1, max: 1_000 });
  assert(
    property(failures, first, factor, chance, (times, retryFirstMs, times2, drawn) => {
      const retryMaxMs = retryFirstMs * times2;
      const delayMs = retryDelayMs(times, { retryFirstMs, retryMaxMs }, () => drawn);
      const stepMs = Math.min(retryMaxMs, retryFirstMs * 2 ** (times - 1));
      expect(delayMs).toBeGreaterThanOrEqual(stepMs / 2);
      expect(delayMs).toBeLessThanOrEqual(stepMs);
    }),
  );
});

test('lanes that fail together come back apart: another random number is another delay', () => {
  const pace = { retryFirstMs: 100, retryMaxMs: 10_000 };
  const drawn = [0, 0.5, 0.999].map((chance) => retryDelayMs(3, pace, () => chance));
  expect(drawn).toEqual([200, 300, 400]);
});

test('by the same chance a further failure never waits less', () => {
  assert(
    property(integer({ min: 1, max: 100 }), chance, (times, drawn) => {
      const pace = { retryFirstMs: 100, retryMaxMs: 10_000 };
      const delayMs = (failures: number): number => retryDelayMs(failures, pace, () => drawn);
      expect(delayMs(times + 1)).toBeGreaterThanOrEqual(delayMs(times));
    }),
  );
});
