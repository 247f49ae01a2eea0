import { ConfigError } from './config';
import { exitCodes } from './exit-codes';
import { runProcess, type Work } from './run-process';

const run = (work: Work) => runProcess('tested', { LOG_LEVEL: 'loud' }, work);

test.each<[string, Work, number]>([
  ['a clean end', () => Promise.resolve({ clean: true }), exitCodes.ok],
  ['an end in disorder', () => Promise.resolve({ clean: false }), exitCodes.failed],
  ['a wrong setting', () => Promise.reject(new ConfigError('x')), exitCodes.configuration],
  ['a bug', () => Promise.reject(new TypeError('x')), exitCodes.failed],
])('%s has its exit code', async (_, work, expected) => {
  expect(await run(work)).toBe(expected);
});

test('a signal ends the work, and leaves no listener behind', async () => {
  const before = process.listenerCount('SIGTERM');
  const running = run(async ({ ended }) => {
    process.emit('SIGTERM');
    await ended;
    return { clean: true };
  });
  expect(await running).toBe(exitCodes.ok);
  expect(process.listenerCount('SIGTERM')).toBe(before);
});

test('a stop before the work has begun is no failure', async () => {
  const code = await run(({ signal }) => {
    process.emit('SIGTERM');
    return Promise.reject(signal.reason as Error);
  });
  expect(code).toBe(exitCodes.ok);
});

test('a failure that ends the work decides the exit code, however clean the end', async () => {
  const code = await run(async ({ ended, fail }) => {
    fail(new ConfigError('the partition has no list of integers'));
    await ended;
    return { clean: true };
  });
  expect(code).toBe(exitCodes.configuration);
});
