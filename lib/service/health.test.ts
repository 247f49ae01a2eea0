import { pino } from 'pino';
import { joined, partitionState } from '../../test/support/memory/consumer-state';
import type { Consumer, ConsumerState } from '../runtime/consumer';
import type { Clock } from '../process/clock';
import { ConfigError } from '../process/config';
import { withHealth, type HealthSettings } from './health';
import type { ProcessContext } from './run-process';
import { StalledError } from '../process/stalled-error';

const settings: HealthSettings = {
  HTTP_HOST: '127.0.0.1',
  HTTP_PORT: 0,
  STALL_RED_MS: 2_000,
  STALL_EXIT_MS: 4_000,
  STOP_LIMIT_MS: 1_000,
};
const stalled = (stalledMs: number): ConsumerState => ({
  ...joined(partitionState()),
  stalledMs,
  stalledBy: 'nothing was finished',
});

/** A process whose clock, signal and consumer the test controls. */
function setUp() {
  const ending = new AbortController();
  const lines: Record<string, unknown>[] = [];
  const failures: Error[] = [];
  const cuts: string[] = [];
  const sleeps: { ms: number; wake: () => void }[] = [];
  const state: { nowMs: number; consumer: ConsumerState } = { nowMs: 0, consumer: joined() };
  let tick = (): void => undefined;
  const clock: Clock = {
    nowMs: () => state.nowMs,
    every: (_, look) => {
      tick = look;
      return () => (tick = () => undefined);
    },
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        sleeps.push({ ms, wake: resolve });
        signal?.addEventListener('abort', () => reject(signal.reason as Error));
      }),
  };
  const write = (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>);
  const context: ProcessContext = {
    logger: pino({}, { write }),
    signal: ending.signal,
    ended: new Promise((resolve) => ending.signal.addEventListener('abort', () => resolve())),
    fail: (error) => {
      failures.push(error);
      ending.abort(error);
    },
    exitNow: (sentence) => cuts.push(sentence),
  };
  const consumer = {
    state: () => state.consumer,
    ready: () => state.consumer.joined,
  } as Consumer;
  const pass = (): void => {
    state.nowMs += 1_000;
    tick();
  };
  const ask = async (path: string): Promise<[number, string]> => {
    const port = lines.find(({ event }) => event === 'http.listening')?.['port'];
    const answer = await fetch(`http://127.0.0.1:${String(port)}${path}`);
    return [answer.status, await answer.text()];
  };
  return { ending, failures, cuts, sleeps, state, clock, context, consumer, pass, ask };
}

test('a stall turns readiness red and then ends the process', async () => {
  const { context, clock, consumer, state, pass, ask, failures } = setUp();
  await withHealth(
    'tested',
    settings,
    context,
    async ({ watch }) => {
      expect(await ask('/readyz')).toEqual([503, expect.stringContaining('is starting')]);
      watch(consumer);
      expect(await ask('/readyz')).toEqual([200, expect.stringContaining('"ready":true')]);
      state.consumer = stalled(1_999);
      pass();
      expect(await ask('/readyz')).toEqual([200, expect.anything()]);
      state.consumer = stalled(2_000);
      pass();
      expect(await ask('/readyz')).toEqual([
        503,
        expect.stringMatching(/nothing was finished \(for 2 s\)/),
      ]);
      expect(await ask('/livez')).toEqual([200, expect.anything()]);
      expect((await ask('/metrics'))[1]).toMatch(/^afterbuild_stalled_seconds\{.*\} 2$/m);
      expect(failures).toEqual([]);
      state.consumer = stalled(4_000);
      pass();
      expect(failures).toEqual([expect.any(StalledError)]);
      expect(await ask('/livez')).toEqual([503, expect.anything()]);
      pass();
      expect(failures).toHaveLength(1);
      return { clean: true };
    },
    clock,
  );
});

test('out of the group it is not ready; in the drain it is alive, but not ready', async () => {
  const { context, clock, consumer, state, ending, ask } = setUp();
  await withHealth(
    'tested',
    settings,
    context,
    async ({ watch }) => {
      watch(consumer);
      expect((await ask('/readyz'))[0]).toBe(200);
      state.consumer = { ...joined(), joined: false };
      expect(await ask('/readyz')).toEqual([503, expect.stringContaining('not a member')]);
      ending.abort();
      expect(await ask('/readyz')).toEqual([503, expect.stringContaining('is stopping')]);
      expect((await ask('/livez'))[0]).toBe(200);
      return { clean: true };
    },
    clock,
  );
  await expect(ask('/livez')).rejects.toThrow();
});

test('work that fails again and again turns it red with the reason, until it works again', async () => {
  const { context, clock, consumer, ask } = setUp();
  await withHealth(
    'tested',
    settings,
    context,
    async ({ watch, troubles }) => {
      watch(consumer);
      troubles.set(consumer, { cause: 'reading fails: permission denied', isStuck: true });
      expect(await ask('/readyz')).toEqual([503, expect.stringContaining('permission denied')]);
      expect((await ask('/metrics'))[1]).toMatch(/^afterbuild_ready\{.*\} 0$/m);
      troubles.end(consumer);
      expect((await ask('/readyz'))[0]).toBe(200);
      return { clean: true };
    },
    clock,
  );
});

test('an end that hangs is cut after its limit, and only then', async () => {
  const { context, clock, ending, sleeps, cuts } = setUp();
  await withHealth(
    'tested',
    settings,
    context,
    async ({ ended }) => {
      expect(sleeps).toEqual([]);
      ending.abort();
      await ended;
      await new Promise(setImmediate);
      expect(sleeps.map(({ ms }) => ms)).toEqual([11_000]);
      sleeps[0]!.wake();
      await new Promise(setImmediate);
      expect(cuts).toEqual([expect.stringContaining('did not end within 11000 ms')]);
      return { clean: false };
    },
    clock,
  );
});

test('without a port nothing listens', async () => {
  const { context, clock, ask } = setUp();
  const portless = { ...settings, HTTP_PORT: undefined };
  const work = async () => {
    await expect(ask('/livez')).rejects.toThrow();
    return { clean: true };
  };
  expect(await withHealth('tested', portless, context, work, clock)).toEqual({ clean: true });
});

test('limits that contradict each other are refused', async () => {
  const { context, clock } = setUp();
  const wrong = { ...settings, STALL_EXIT_MS: 2_000 };
  const started = withHealth(
    'tested',
    wrong,
    context,
    () => Promise.reject(new Error('ran')),
    clock,
  );
  await expect(started).rejects.toThrow(ConfigError);
});
