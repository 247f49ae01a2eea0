import { ConfigError } from '../process/config';
import { exitCodes } from '../process/exit-codes';
import { runProcess, type Work } from './run-process';
import { StalledError } from '../process/stalled-error';

const run = (work: Work, exit?: (code: number) => void) =>
  runProcess('tested', { LOG_LEVEL: 'loud' }, work, exit);

test.each<[string, Work, number]>([
  ['a clean end', () => Promise.resolve({ clean: true }), exitCodes.ok],
  ['an end in disorder', () => Promise.resolve({ clean: false }), exitCodes.failed],
  ['a wrong setting', () => Promise.reject(new ConfigError('x')), exitCodes.configuration],
  ['doing nothing', () => Promise.reject(new StalledError('x')), exitCodes.stalled],
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

test.each([
  ['SIGTERM', 143],
  ['SIGINT', 130],
  ['SIGHUP', 129],
] as const)('a second %s ends it at once with its own code', async (signal, expected) => {
  const now = jest.spyOn(performance, 'now').mockReturnValue(0);
  const codes: number[] = [];
  const work: Work = async ({ ended }) => {
    process.emit('SIGTERM');
    await ended;
    process.emit(signal);
    expect(codes).toEqual([]); // the same Ctrl-C, forwarded
    now.mockReturnValue(1_000);
    process.emit(signal);
    return { clean: true };
  };
  await run(work, (code) => codes.push(code));
  now.mockRestore();
  expect(codes).toEqual([expected]);
});

test('an end that hangs is cut, with the code of what ended it', async () => {
  const codes: number[] = [];
  const work: Work = ({ exitNow, fail }) => {
    exitNow('something hangs');
    fail(new StalledError('x'));
    exitNow('something hangs');
    return Promise.resolve({ clean: false });
  };
  await run(work, (code) => codes.push(code));
  expect(codes).toEqual([exitCodes.failed, exitCodes.stalled]);
});
