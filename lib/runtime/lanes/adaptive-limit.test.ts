import { array, assert, boolean, integer, property, record } from 'fast-check';
import { QueueingStore, seededRandom } from '../../../test/support/memory/queueing-store';
import { AdaptiveLimit, type LatencySample } from './adaptive-limit';

const sample = record({
  units: integer({ min: 0, max: 1_000 }),
  startedAtMs: integer({ min: 0, max: 100_000 }),
  elapsedMs: integer({ min: 0, max: 60_000 }),
  failed: boolean(),
  overloaded: boolean(),
  running: integer({ min: 1, max: 64 }),
});

/** Ten micro-batches one after the other, with all slots taken. */
function windowOf(limit: AdaptiveLimit, fromMs: number, over: Partial<LatencySample> = {}): void {
  for (let index = 0; index < 10; index += 1) {
    const startedAtMs = fromMs + index * 100;
    const times = { startedAtMs, endedAtMs: startedAtMs + 100 };
    const common = { units: 1, failed: false, overloaded: false, running: limit.value };
    limit.ended({ ...common, ...times, ...over });
  }
}

test('for any measurements, the limit is a whole number between 1 and the configured one', () => {
  assert(
    property(integer({ min: 1, max: 64 }), array(sample, { maxLength: 300 }), (max, samples) => {
      const limit = new AdaptiveLimit({ max });
      for (const { elapsedMs, ...one } of samples) {
        const before = limit.value;
        const value = limit.ended({ ...one, endedAtMs: one.startedAtMs + elapsedMs });
        expect(Number.isInteger(value) && value >= 1 && value <= max).toBe(true);
        if (one.overloaded) expect(value).toBeLessThanOrEqual(before);
        // At most doubled, at most halved: one window, one step.
        expect(value).toBeLessThanOrEqual(before * 2);
        expect(value).toBeGreaterThanOrEqual(Math.floor(before / 2));
      }
    }),
  );
});

test('it grows only while all slots are taken', () => {
  const limit = new AdaptiveLimit({ max: 16 });
  windowOf(limit, 0, { running: 1 });
  expect(limit.value).toBe(2);
  windowOf(limit, 1_000);
  expect(limit.value).toBe(4);
});

test('an overload that is named halves it at once, and what began before says nothing more', () => {
  const limit = new AdaptiveLimit({ max: 16, first: 16 });
  const common = { units: 1, failed: true, overloaded: true, running: 16 };
  limit.ended({ ...common, startedAtMs: 0, endedAtMs: 100 });
  expect(limit.value).toBe(8);
  for (let index = 0; index < 15; index += 1) {
    limit.ended({ ...common, startedAtMs: index, endedAtMs: 101 });
  }
  expect(limit.value).toBe(8);
});

test('failures that come quickly are no example of a quick store, those that take long are felt', () => {
  const limit = new AdaptiveLimit({ max: 8, first: 8 });
  windowOf(limit, 0);
  windowOf(limit, 2_000, { failed: true, endedAtMs: 2_000 });
  windowOf(limit, 4_000);
  expect(limit.value).toBe(8);
  windowOf(limit, 6_000, { failed: true, startedAtMs: 6_000, endedAtMs: 36_000 });
  expect(limit.value).toBe(4);
});

test('larger micro-batches that take longer are not taken for a slow store', () => {
  const limit = new AdaptiveLimit({ max: 8, first: 8 });
  windowOf(limit, 0, { units: 10 });
  windowOf(limit, 2_000, { units: 1_000, startedAtMs: 2_000, endedAtMs: 7_000 });
  expect(limit.value).toBe(8);
});

describe('a store that can do several things at once, up to a knee', () => {
  const serviceMs = 100;
  const meanMs = serviceMs * 1.08;
  test.each([
    [2, 16],
    [6, 32],
    [12, 64],
  ])('of %i, with a concurrency of %i: it is used up and not queued at', (knee, max) => {
    for (let seed = 1; seed <= 3; seed += 1) {
      const limit = new AdaptiveLimit({ max });
      const store = new QueueingStore({ knee, serviceMs, random: seededRandom(seed) }, limit);
      store.run(30_000);
      const seen = store.run(120_000);
      expect(seen.perSecond).toBeGreaterThan((0.85 * knee * 1_000) / meanMs);
      expect(seen.latencyMs).toBeLessThan(2 * meanMs);
      expect(seen.meanLimit).toBeLessThan(2 * knee);
    }
  });

  test('that lies above the configured concurrency: all of that is used', () => {
    const limit = new AdaptiveLimit({ max: 8 });
    const store = new QueueingStore({ knee: 50, serviceMs, random: seededRandom(1) }, limit);
    store.run(30_000);
    expect(store.run(60_000).meanLimit).toBeGreaterThan(7);
  });

  test('and that slows down: it yields, and comes back when the store does', () => {
    for (let seed = 1; seed <= 3; seed += 1) {
      const limit = new AdaptiveLimit({ max: 32 });
      const store = new QueueingStore({ knee: 8, serviceMs, random: seededRandom(seed) }, limit);
      const before = store.run(60_000);
      store.slowdown = 6;
      store.run(30_000);
      expect(store.run(10_000).meanLimit).toBeLessThan(3);
      store.slowdown = 1;
      store.run(60_000);
      expect(store.run(30_000).perSecond).toBeGreaterThan(0.85 * before.perSecond);
    }
  });

  test('and that is slower for good: after some minutes that is the new baseline', () => {
    const limit = new AdaptiveLimit({ max: 32 });
    const store = new QueueingStore({ knee: 8, serviceMs, random: seededRandom(1) }, limit);
    store.run(60_000);
    store.slowdown = 6;
    store.run(600_000);
    expect(store.run(120_000).perSecond).toBeGreaterThan((0.8 * 8 * 1_000) / (6 * meanMs));
  });
});
