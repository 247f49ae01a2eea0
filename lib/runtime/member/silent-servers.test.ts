import { at, createFixture } from '../../../test/support/memory/runtime-fixture';
import { systemClock } from '../../process/clock';
import { done } from '../outcome';

test('a group that has been silent for longer than it keeps a member is left, and that is no stall', async () => {
  let nowMs = 1_000_000;
  const watches: (() => void)[] = [];
  const every = (_: number, act: () => void): (() => void) => {
    watches.push(act);
    return () => undefined;
  };
  const clock = { ...systemClock, nowMs: () => nowMs, every };
  const { client, runtime, join } = createFixture(() => done, {}, {}, clock);
  const pass = (ms: number): void => {
    nowMs += ms;
    for (const act of watches) act();
  };
  client.heardAtMs = nowMs;
  await runtime.start();
  await join();
  expect(runtime.ready()).toBe(true);
  // More was written than will ever be fetched: the broker is unavailable.
  client.append(at, 'a', 'x');
  client.append(at, 'a', 'x');
  await client.fetch(1);
  client.heardAtMs = nowMs;
  pass(20_000);
  expect(runtime.state()).toMatchObject({ joined: true });
  pass(20_000);
  expect(runtime.state()).toMatchObject({ joined: false, stalledMs: 0 });
  expect(runtime.ready()).toBe(false);
  client.heardAtMs = nowMs;
  expect(runtime.ready()).toBe(true);
});
