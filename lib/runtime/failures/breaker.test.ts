import { array, assert, constant, integer, oneof, property, tuple } from 'fast-check';
import { Breaker, breakerDefaults } from './breaker';

const settings = breakerDefaults;

/** Reports failures until it opens, all at that moment. */
function opened(nowMs = 0): Breaker {
  const breaker = new Breaker(settings);
  for (let time = 0; time < settings.failuresToOpen; time += 1) {
    breaker.failed(breaker.epoch, nowMs, 'away', 1);
  }
  return breaker;
}

/** Reports a full round of successes. */
function round(breaker: Breaker, nowMs: number): void {
  const ramp = breaker.allowance(nowMs);
  for (let one = 0; one < ramp; one += 1) breaker.succeeded(breaker.epoch, nowMs);
}

test('it opens after a run of failures, not after failures with successes between', () => {
  const breaker = new Breaker(settings);
  for (let time = 0; time < 20; time += 1) {
    breaker.failed(breaker.epoch, 0, 'away', 1);
    breaker.succeeded(breaker.epoch, 0);
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

test('open: none; then one probe; each round of successes doubles; then all', () => {
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

test('processes that fail together probe apart: another chance is another moment, between half and all of the wait', () => {
  const waits = [0, 0.5, 1].map((random) => {
    const breaker = new Breaker(settings);
    for (let time = 0; time < settings.failuresToOpen; time += 1) {
      breaker.failed(breaker.epoch, 0, 'away', random);
    }
    return breaker.nextProbeAtMs;
  });
  expect(waits).toEqual([250, 375, 500]);
});

test('what began before a change has no say after it', () => {
  const breaker = new Breaker(settings);
  const before = breaker.epoch;
  for (let time = 0; time < settings.failuresToOpen; time += 1) {
    breaker.failed(before, 0, 'away', 1);
  }
  const probeAtMs = breaker.nextProbeAtMs;
  breaker.failed(before, 1, 'away, too', 1);
  breaker.succeeded(before, 0);
  expect([breaker.state, breaker.nextProbeAtMs]).toEqual(['open', probeAtMs]);
  breaker.allowance(probeAtMs);
  breaker.failed(before, probeAtMs, 'a straggler', 1);
  breaker.succeeded(before, 0);
  expect([breaker.state, breaker.allowance(probeAtMs)]).toEqual(['half-open', 1]);
});

/** The rules of the header comment of breaker.ts once more, written as plainly as possible. */
class Model {
  state = 'closed';
  failures = 0;
  openings = 0;
  ramp: number[] = [];
  succeeded = 0;
  hintedUntilMs = 0;
  probeAtMs = 0;

  look(nowMs: number): number {
    if (this.state === 'open' && nowMs >= this.probeAtMs) {
      this.state = 'half-open';
      this.ramp = [1, 2, 4, 8, 16];
      this.succeeded = 0;
    }
    return { closed: Infinity, open: 0 }[this.state] ?? this.ramp[0] ?? 0;
  }

  fail(nowMs: number): void {
    if (this.state === 'open') return;
    this.failures += 1;
    if (this.state === 'closed' && this.failures < 3 && nowMs >= this.hintedUntilMs) return;
    this.probeAtMs = nowMs + ([500, 1_000, 2_000, 4_000, 8_000][this.openings] ?? 10_000);
    this.openings += 1;
    this.state = 'open';
  }

  succeed(): void {
    if (this.state === 'closed') this.failures = 0;
    if (this.state !== 'half-open') return;
    this.succeeded += 1;
    if (this.succeeded < (this.ramp[0] ?? 0)) return;
    this.succeeded = 0;
    this.ramp.shift();
    if (this.ramp.length > 0) return;
    this.state = 'closed';
    [this.failures, this.openings, this.hintedUntilMs] = [0, 0, 0];
  }
}

const successes = new Map([
  ['succeed', 1],
  // How many successes it takes from the first probe until the breaker is closed.
  ['round', 31],
]);

function succeed(breaker: Breaker, model: Model, times: number): void {
  for (let time = 0; time < times; time += 1) {
    breaker.succeeded(breaker.epoch, 0);
    model.succeed();
  }
}

function hint(breaker: Breaker, model: Model, untilMs: number): void {
  breaker.hint(untilMs);
  model.hintedUntilMs = Math.max(model.hintedUntilMs, untilMs);
}

test('in any sequence of events, it opens, probes, doubles and closes by its rules', () => {
  const often = (what: string, weight: number) => ({ arbitrary: constant(what), weight });
  const step = oneof(
    ...[often('fail', 3), often('succeed', 6), often('wait', 3), often('look', 3)],
    ...[often('round', 2), often('hint', 1), often('straggler', 2)],
  );
  const steps = array(tuple(step, integer({ min: 1, max: 6_000 })), { maxLength: 150 });
  assert(
    property(steps, (taken) => {
      const [breaker, model] = [new Breaker(settings), new Model()];
      let nowMs = 0;
      let before = -1;
      for (const [what, ms] of taken) {
        if (what === 'wait') nowMs += ms;
        if (what === 'look') expect(breaker.allowance(nowMs)).toBe(model.look(nowMs));
        if (what === 'hint') hint(breaker, model, nowMs + ms);
        // A result of an older epoch: it must have no effect.
        if (what === 'straggler') breaker.failed(before, nowMs, 'away', 1);
        const { epoch, state } = breaker;
        if (what === 'fail') {
          breaker.failed(epoch, nowMs, 'away', 1);
          model.fail(nowMs);
        }
        succeed(breaker, model, successes.get(what) ?? 0);
        expect(breaker.state).toBe(model.state);
        if (model.state === 'open') expect(breaker.nextProbeAtMs).toBe(model.probeAtMs);
        if (breaker.state !== state) before = epoch;
      }
    }),
    { numRuns: 300 },
  );
});

test('one answer and no failure since settles it in time, where no more work comes to prove it', () => {
  const breaker = opened();
  const nowMs = settings.probeFirstMs;
  breaker.allowance(nowMs);
  expect(breaker.settlesAtMs).toBeNull();
  breaker.succeeded(breaker.epoch, nowMs);
  expect(breaker.settlesAtMs).toBe(nowMs + settings.settleMs);
  breaker.failed(breaker.epoch, nowMs + 1, 'away', 1);
  expect(breaker.settlesAtMs).toBeNull();
});
