import { systemClock } from './clock';

test('a sleep that is cut short rejects with the reason of its signal, before it begins and while it lasts', async () => {
  const stop = new Error('stopped by SIGTERM');
  await expect(systemClock.sleep(60_000, AbortSignal.abort(stop))).rejects.toBe(stop);
  const stopping = new AbortController();
  const sleep = systemClock.sleep(60_000, stopping.signal);
  stopping.abort(stop);
  await expect(sleep).rejects.toBe(stop);
});

test('a sleep that nothing cuts short resolves', async () => {
  await expect(systemClock.sleep(1, new AbortController().signal)).resolves.toBeUndefined();
});
