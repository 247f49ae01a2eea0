import { pino } from 'pino';
import { breakerDefaults } from './breaker';
import { Admission } from './admission';
import { noObserver } from '../observer';

const away = [{ dependency: 's3', error: new Error('gone') }] as const;

/** A gate whose clock stands still until the test moves it. */
function fixture(random = 1) {
  let nowMs = 0;
  let changes = 0;
  const events: string[] = [];
  const sleepers: (() => void)[] = [];
  const gate = new Admission({
    clock: {
      nowMs: () => nowMs,
      sleep: () => new Promise((resolve) => sleepers.push(resolve)),
      every: () => () => undefined,
    },
    random: () => random,
    logger: pino({ level: 'silent' }),
    observer: { ...noObserver, breaker: (name, state) => events.push(`${name} ${state}`) },
    onChange: () => (changes += 1),
  });
  const fail = (): void => {
    for (let time = 0; time < breakerDefaults.failuresToOpen; time += 1) {
      const ticket = gate.enter(['s3'], true);
      if (ticket) gate.leave(ticket, away, 1);
    }
  };
  return {
    gate,
    events,
    sleepers,
    fail,
    wait: (ms: number) => (nowMs += ms),
    changes: () => changes,
  };
}

test('an open breaker refuses work that needs the dependency, and admits all other work', () => {
  const { gate, fail } = fixture();
  fail();
  expect(gate.mayEnter(['s3', 'postgres'], true)).toBe(false);
  expect(gate.mayEnter(['postgres'], true)).toBe(true);
  expect(gate.isShut(['s3'], true, true)).toBe(true);
  expect(gate.isShut(['s3'], true, false)).toBe(false);
  expect(gate.heldBy(['s3'], true)).toBe('s3: gone');
  expect(gate.views()).toMatchObject([{ dependency: 's3', state: 'open', cause: 'gone' }]);
});

test('the chance that a process draws decides when it probes', () => {
  const probeAtMs = [0, 0.5, 1].map((random) => {
    const { gate, fail } = fixture(random);
    fail();
    return gate.views()[0]?.nextProbeAtMs;
  });
  expect(probeAtMs).toEqual([250, 375, 500]);
});

test('half-open: one probe at a time, and each change is reported to those who wait', () => {
  const { gate, events, fail, wait, changes } = fixture();
  fail();
  wait(breakerDefaults.probeFirstMs);
  const probe = gate.enter(['s3'], true);
  expect(probe).not.toBeNull();
  expect(gate.enter(['s3'], true)).toBeNull();
  const before = changes();
  gate.leave(probe!, [], 1);
  expect(changes()).toBeGreaterThan(before);
  const two = [gate.enter(['s3'], true), gate.enter(['s3'], true)];
  expect(two).not.toContain(null);
  expect(gate.enter(['s3'], true)).toBeNull();
  for (const ticket of two) gate.leave(ticket!, away, 1);
  expect(events).toEqual(['s3 open', 's3 half-open', 's3 open']);
});

test('a dependency that answered is back in time, though too little work comes to prove it', async () => {
  const { gate, events, fail, wait, sleepers } = fixture();
  fail();
  wait(breakerDefaults.probeFirstMs);
  gate.leave(gate.enter(['s3'], true)!, [], 1);
  expect(gate.views()).toMatchObject([{ state: 'half-open', cause: 'gone' }]);
  wait(breakerDefaults.settleMs);
  for (const wake of sleepers.splice(0)) wake();
  await Promise.resolve();
  expect(gate.views()).toEqual([]);
  expect(events.at(-1)).toBe('s3 closed');
});

test('while a lane still waits at it, it is no more than half-open', async () => {
  const { gate, fail, wait, sleepers } = fixture();
  fail();
  wait(breakerDefaults.probeFirstMs);
  gate.leave(gate.enter(['s3'], true)!, [], 1);
  gate.enter(['s3'], true);
  wait(breakerDefaults.settleMs);
  for (const wake of sleepers.splice(0)) wake();
  await Promise.resolve();
  expect(gate.views()).toMatchObject([{ state: 'half-open' }]);
});

test('what was begun and did nothing says nothing about the dependency', () => {
  const { gate, fail, wait } = fixture();
  fail();
  wait(breakerDefaults.probeFirstMs);
  gate.leave(gate.enter(['s3'], true)!, [], 0);
  expect(gate.views()).toMatchObject([{ state: 'half-open' }]);
  gate.leave(gate.enter(['s3'], true)!, [], 1);
  expect([gate.enter(['s3'], true), gate.enter(['s3'], true)]).not.toContain(null);
});

test('a dependency that only some records need opens by its failures and closes when it answers', () => {
  const { gate, events } = fixture();
  for (let time = 0; time < 3; time += 1) {
    const missing = [{ dependency: 'dead-letters', error: new Error('no broker') }] as const;
    gate.leave(gate.enter(['s3'], true)!, missing, 1);
  }
  expect(gate.mayEnter(['s3'], true)).toBe(true);
  gate.answered('dead-letters');
  expect(events).toEqual(['dead-letters open', 'dead-letters closed']);
});

test('a pause and a rate are for the work, not for what is only read', () => {
  const { gate, wait } = fixture();
  gate.steer({ paused: true });
  expect([gate.mayEnter([], true), gate.mayEnter([], false)]).toEqual([false, true]);
  expect(gate.heldBy([], true)).toBe('paused by a flag');
  gate.steer({ paused: false, recordsPerSecond: 10 });
  gate.leave(gate.enter([], true)!, [], 20);
  expect(gate.mayEnter([], true)).toBe(false);
  gate.steer({ recordsPerSecond: 10 });
  wait(1_999);
  expect(gate.mayEnter([], true)).toBe(false);
  wait(1);
  expect(gate.mayEnter([], true)).toBe(true);
  gate.leave(gate.enter([], true)!, [], 1_000);
  gate.steer({ recordsPerSecond: null });
  expect(gate.mayEnter([], true)).toBe(true);
});
