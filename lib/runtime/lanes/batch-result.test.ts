import { at, createFixture, eventually } from '../../../test/support/memory/runtime-fixture';
import { noFailurePolicy } from '../failure-policy';
import { done, retry } from '../outcome';
import { WaitError } from '../record-errors';

test('what waits opens no breaker: every lane has its turn, and sees within its limit that the wait is over', async () => {
  let isWaiting = true;
  const tries = new Map<number, number>();
  const fixture = createFixture(
    ({ offset }) => {
      tries.set(offset, (tries.get(offset) ?? 0) + 1);
      return isWaiting ? retry(new WaitError('not yet', { withinMs: 2 })) : done;
    },
    { failures: { ...noFailurePolicy, needs: ['brake'], classify: () => ({ kind: 'wait' }) } },
    { retryMaxMs: 3_600_000 },
  );
  const { client, runtime, committed, join } = fixture;
  await runtime.start();
  for (let index = 0; index < 40; index += 1) client.append(at, `key-${index}`, 'x');
  await join();
  await client.fetch();
  // Without the limit the twentieth try would come after minutes.
  await eventually(() => tries.size === 40 && [...tries.values()].every((times) => times >= 20));
  expect(runtime.state().breakers).toEqual([]);
  isWaiting = false;
  await eventually(() => committed() === 40);
});
