import { listeningLogger, SteppedClock } from '../../test/support/expired-artifacts';
import { createUntilDone } from './until-done';

function setUp(isFinal?: (error: unknown) => boolean) {
  const clock = new SteppedClock();
  const { logger, said } = listeningLogger();
  return { untilDone: createUntilDone(clock, logger, () => 1, isFinal), clock, said };
}

const never = new AbortController().signal;

test('repeats with growing pauses until it works, and says so at the beginning and at the end', async () => {
  const { untilDone, clock, said } = setUp();
  let calls = 0;
  const result = await untilDone('x', never, () => {
    calls += 1;
    return calls < 9 ? Promise.reject(new Error('away')) : Promise.resolve('here');
  });
  expect(result).toBe('here');
  expect(clock.sleeps).toEqual([100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000]);
  expect(said.map(({ event }) => event)).toEqual(['dependency.failed', 'dependency.back']);
});

test('ends when the signal aborts while it waits', async () => {
  const { untilDone } = setUp();
  const ending = new AbortController();
  const work = untilDone('x', ending.signal, () => {
    ending.abort(new Error('stop'));
    return Promise.reject(new Error('away'));
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
