import { array, assert, constantFrom, integer, property } from 'fast-check';
import { Breaker, breakerDefaults } from './breaker';

const settings = breakerDefaults;

/** Fails it until it opens, at that moment. */
function opened(nowMs = 0): Breaker {
  const breaker = new Breaker(settings);
  for (let time = 0; time < settings.failuresToOpen; time += 1) {
    breaker.failed(breaker.epoch, nowMs, 'away', 1);
  }
  return breaker;
}

/** Lets a whole round succeed. */
function round(breaker: Breaker, nowMs: number): void {
  const ramp = breaker.allowance(nowMs);
  for (let one = 0; one < ramp; one += 1) breaker.succeeded(breaker.epoch);
}

test('it opens after a run of failures, not after failures with successes between', () => {
  const breaker = new Breaker(settings);
  for (let time = 0; time < 20; time += 1) {
    breaker.failed(breaker.epoch, 0, 'away', 1);
    breaker.succeeded(breaker.epoch);
  }
  expect(breaker.state).toBe('closed');
  expect(opened().state).toBe('open');
  expect(opened().cause).toBe('away');
});

test('after a hint the first failure opens it; a hint alone does nothing', () => {
  const breaker = new Breaker(settings);
  breaker.hint(1_000);
  expect(breaker.allowance(0)).toBe(Infinity);
  breaker.failed(breaker.epoch, 500, 'away', 1);
  expect(breaker.state).toBe('open');
  const late = new Breaker(settings);
  late.hint(1_000);
  late.failed(late.epoch, 1_000, 'away', 1);
  expect(late.state).toBe('closed');
});

test('open: nobody; then one probe; each round of successes doubles; then all', () => {
  const breaker = opened();
  expect(breaker.allowance(settings.probeFirstMs - 1)).toBe(0);
  const seen: number[] = [];
  const nowMs = settings.probeFirstMs;
  while (breaker.allowance(nowMs) !== Infinity) {
    seen.push(breaker.allowance(nowMs));
    round(breaker, nowMs);
  }
  expect(seen).toEqual([1, 2, 4, 8, 16]);
  expect(breaker.state).toBe('closed');
});

test('a failed probe waits twice as long, up to the cap, and a recovery begins anew', () => {
  const breaker = opened();
  let nowMs = 0;
  const waits: number[] = [];
  for (let probe = 0; probe < 7; probe += 1) {
    waits.push(breaker.nextProbeAtMs - nowMs);
    nowMs = breaker.nextProbeAtMs;
    breaker.allowance(nowMs);
    breaker.failed(breaker.epoch, nowMs, 'still away', 1);
  }
  expect(waits).toEqual([500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000]);
  expect(breaker.sinceMs).toBe(0);
  nowMs = breaker.nextProbeAtMs;
  while (breaker.allowance(nowMs) !== Infinity) round(breaker, nowMs);
  for (let time = 0; time < settings.failuresToOpen; time += 1) {
    breaker.failed(breaker.epoch, nowMs, 'away', 1);
  }
  expect(breaker.nextProbeAtMs - nowMs).toBe(settings.probeFirstMs);
});

test('what began before a change has no say after it', () => {
  const breaker = new Breaker(settings);
  const before = breaker.epoch;
  for (let time = 0; time < settings.failuresToOpen; time += 1) {
    breaker.failed(before, 0, 'away', 1);
  }
  const probeAtMs = breaker.nextProbeAtMs;
  breaker.failed(before, 1, 'away, too', 1);
  breaker.succeeded(before);
  expect([breaker.state, breaker.nextProbeAtMs]).toEqual(['open', probeAtMs]);
  breaker.allowance(probeAtMs);
  breaker.failed(before, probeAtMs, 'a straggler', 1);
  breaker.succeeded(before);
  expect([breaker.state, breaker.allowance(probeAtMs)]).toEqual(['half-open', 1]);
});

const after = {
  closed: ['closed', 'open'],
  open: ['open', 'half-open'],
  'half-open': ['half-open', 'open', 'closed'],
} as const;

/** The rules above, said another way: open for less than the longest wait, half-open only after it. */
test('whatever happens, it is never open for longer than the cap, and it lets nobody in while open', () => {
  const step = constantFrom('fail', 'succeed', 'wait', 'look');
  assert(
    property(array(step, { maxLength: 200 }), integer({ min: 1, max: 4_000 }), (steps, waitMs) => {
      const breaker = new Breaker(settings);
      let nowMs = 0;
      for (const what of steps) {
        const before = breaker.state;
        if (what === 'wait') nowMs += waitMs;
        if (what === 'look') breaker.allowance(nowMs);
        if (what === 'fail') breaker.failed(breaker.epoch, nowMs, 'away', 0.5);
        if (what === 'succeed') breaker.succeeded(breaker.epoch);
        const { state, nextProbeAtMs } = breaker;
        // Only time opens the way back, and only a round of successes closes it.
        expect(after[before]).toContain(state);
        if (state !== 'open') continue;
        expect(nextProbeAtMs - nowMs).toBeLessThanOrEqual(10_000);
        expect(nowMs < nextProbeAtMs ? breaker.allowance(nowMs) : 0).toBe(0);
      }
    }),
    { numRuns: 300 },
  );
});
