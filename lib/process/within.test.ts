import { systemClock, type Clock } from './clock';
import { within } from './within';

const never = new Promise<string>(() => undefined);
/** A limit that has passed at once, or never passes. */
const clock = (passed: boolean, aborted: () => void = () => undefined): Clock => ({
  ...systemClock,
  sleep: (_ms, signal) =>
    passed
      ? Promise.resolve()
      : new Promise((_resolve, reject) => {
          signal?.addEventListener('abort', () => {
            aborted();
            reject(new Error('aborted'));
          });
        }),
});

test('gives up at the limit', async () => {
  await expect(within(clock(true), 5, never, 'late')).resolves.toBe('late');
});

test('gives the result, and leaves no timer behind', async () => {
  let aborted = false;
  const waiting = clock(false, () => (aborted = true));
  await expect(within(waiting, 5, Promise.resolve('done'), 'late')).resolves.toBe('done');
  expect(aborted).toBe(true);
});

test('passes a failure on', async () => {
  await expect(within(clock(false), 5, Promise.reject(new Error('broken')), 1)).rejects.toThrow(
    'broken',
  );
});
