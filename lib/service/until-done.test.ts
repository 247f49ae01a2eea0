import { listeningLogger, SteppedClock } from '../../test/support/records/expired-artifacts';
import { DatabaseHoldError } from '../brake/database-guard';
import { PostgresError, type PostgresFailure } from '../stores/postgres/errors';
import { Troubles, type Trouble } from '../process/troubles';
import { createUntilDone } from './until-done';

function setUp(isFinal?: (error: unknown) => boolean) {
  const clock = new SteppedClock();
  const { logger, said } = listeningLogger();
  const troubles = new Troubles();
  const parts = { clock, logger, random: () => 1, troubles };
  const untilDone = createUntilDone(isFinal ? { ...parts, isFinal } : parts);
  return { untilDone, clock, said, troubles };
}

const never = new AbortController().signal;
const postgres = (failure: PostgresFailure, message: string) =>
  new PostgresError(message, failure, undefined, null);
const away = postgres('unavailable', 'away');

/** Fails once for each given error, then succeeds, and notes the troubles that each attempt sees. */
async function repeat(errors: readonly Error[], world = setUp()) {
  const seen: (readonly Trouble[])[] = [];
  await world.untilDone('reading', never, () => {
    const error = errors[seen.length];
    seen.push(world.troubles.current);
    return error ? Promise.reject(error) : Promise.resolve();
  });
  return { ...world, seen };
}

const times = (count: number, error: Error): Error[] => Array.from({ length: count }, () => error);

test('repeats with growing pauses until it works, and says so at the beginning and at the end', async () => {
  const { clock, said } = await repeat(times(8, away));
  expect(clock.sleeps).toEqual([100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000]);
  expect(said.map(({ event }) => event)).toEqual(['dependency.failed', 'dependency.back']);
});

test('gives what the work gives', async () => {
  const { untilDone } = setUp();
  await expect(untilDone('x', never, () => Promise.resolve('here'))).resolves.toBe('here');
});

test('an outage is a trouble with its cause until it works again, however long it lasts', async () => {
  const { seen, troubles } = await repeat(times(20, away));
  expect(seen[0]).toEqual([]);
  const cause = { cause: 'reading fails: away', isStuck: false };
  expect(seen.slice(1)).toEqual(Array.from({ length: 20 }, () => [cause]));
  expect(troubles.current).toEqual([]);
});

test.each<[string, Error]>([
  ['a missing privilege', postgres('other', 'permission denied')],
  ['a bug', new TypeError('x is undefined')],
])('%s that is not gone after seven tries needs an operator', async (_, error) => {
  const { seen, said, troubles } = await repeat(times(8, error));
  const stuck = seen.map(([trouble]) => trouble?.isStuck);
  expect(stuck.slice(1)).toEqual([...Array.from({ length: 6 }, () => false), true, true]);
  expect(said).toEqual([
    { level: 'warn', event: 'dependency.failed' },
    { level: 'error', event: 'work.stuck' },
    { level: 'info', event: 'dependency.back' },
  ]);
  expect(troubles.current).toEqual([]);
});

test.each<[string, Error]>([
  ['the brake holds', new DatabaseHoldError('another timeline')],
  ['other transactions disturb', postgres('repeat', 'deadlock')],
])('what %s waits, and wants no person', async (_, error) => {
  const { seen } = await repeat(times(12, error));
  expect(seen.flat().filter(({ isStuck }) => isStuck)).toEqual([]);
});

test('an unavailable server is logged once, for all that fails by it, and anew when it fails again', async () => {
  const world = setUp();
  await Promise.all([repeat(times(3, away), world), repeat(times(2, away), world)]);
  const levels = (name: string) =>
    world.said.filter(({ event }) => event === name).map(({ level }) => level);
  expect(levels('dependency.failed')).toEqual(['warn', 'debug']);
  expect(levels('dependency.back').toSorted()).toEqual(['debug', 'info']);
  await repeat(times(1, away), world);
  expect(levels('dependency.failed')).toEqual(['warn', 'debug', 'warn']);
});

test('the brake logs what it holds: here that is for debugging', async () => {
  const { said } = await repeat(
    times(2, new DatabaseHoldError('The decisions have not been read.')),
  );
  expect(said[0]).toEqual({ level: 'debug', event: 'dependency.failed' });
});

test('another reason is logged, too, and numbers make none', async () => {
  const slow = (ms: number) => postgres('unavailable', `no answer within ${ms} ms`);
  const { said, seen } = await repeat([away, slow(5), slow(7), away]);
  expect(said.map(({ event }) => event)).toEqual([
    'dependency.failed',
    'dependency.failed',
    'dependency.back',
  ]);
  expect(seen.at(-2)).toEqual([{ cause: 'reading fails: no answer within 7 ms', isStuck: false }]);
});

test('work that reports success has no trouble any more, even if it waits', async () => {
  const { untilDone, troubles, said } = setUp();
  let calls = 0;
  await untilDone('producing', never, (works) => {
    calls += 1;
    if (calls === 1) return Promise.reject(away);
    works();
    expect(troubles.current).toEqual([]);
    return Promise.resolve();
  });
  expect(said.map(({ event }) => event)).toEqual(['dependency.failed', 'dependency.back']);
});

test('ends when the signal aborts while it waits, says so, and leaves no trouble', async () => {
  const { untilDone, troubles, clock, said } = setUp();
  const ending = new AbortController();
  const stopping = untilDone('x', ending.signal, () => Promise.reject(away));
  await new Promise((resolve) => setImmediate(resolve));
  expect(troubles.current).toHaveLength(1);
  ending.abort(new Error('stop'));
  await expect(stopping).rejects.toThrow('stop');
  expect(troubles.current).toEqual([]);
  expect(clock.sleeps.length).toBeGreaterThan(0);
  expect(said.map(({ event }) => event)).toEqual(['dependency.failed', 'dependency.given-up']);
});

test('ends when the signal aborts during an attempt that fails', async () => {
  const { untilDone } = setUp();
  const ending = new AbortController();
  const work = untilDone('x', ending.signal, () => {
    ending.abort(new Error('stop'));
    return Promise.reject(away);
  });
  await expect(work).rejects.toThrow('stop');
});

test('finishes what was begun even if the signal has aborted', async () => {
  const { untilDone } = setUp();
  const aborted = AbortSignal.abort(new Error('stop'));
  await expect(untilDone('x', aborted, () => Promise.resolve(1))).resolves.toBe(1);
});

test('what no repetition can heal is thrown at once', async () => {
  const { untilDone, clock } = setUp(() => true);
  const work = untilDone('x', never, () => Promise.reject(new Error('DEFAULT partition')));
  await expect(work).rejects.toThrow('DEFAULT partition');
  expect(clock.sleeps).toEqual([]);
});
