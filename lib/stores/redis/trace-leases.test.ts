import { classify } from '../../failures/classify';
import type { RedisConnection } from './connection';
import { RedisError } from './errors';
import { RedisTraceLeases } from './trace-leases';

const refusal = (message: string): RedisError => new RedisError(message, true, undefined);
const oom = refusal(
  "Redis at x:1 refuses: OOM command not allowed when used memory > 'maxmemory'.",
);

/** @param scripts the answers to scripts. */
function leasesOf(taken: unknown, scripts: Error): RedisTraceLeases {
  const redis = {
    address: 'x:1',
    replies: () => Promise.resolve([taken, -2]),
    runScript: () => Promise.reject(scripts),
  };
  return new RedisTraceLeases(redis as unknown as RedisConnection, 30_000);
}

test('a server that is full and gives no lease to a script either is held for, and named with what helps', async () => {
  const error: unknown = await leasesOf(oom, oom)
    .acquire([1])
    .catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(RedisError);
  const refused = error as RedisError;
  expect(refused.message).toMatch(
    /^Redis at x:1 is full and gives no lease to a script either.* Raise its maxmemory/,
  );
  expect([refused.isFull, classify(refused)]).toEqual([
    true,
    { kind: 'hold', dependency: 'redis' },
  ]);
});

test('any other refusal is as it is said, of the command or of the script', async () => {
  const noRight = refusal('Redis at x:1 refuses: NOPERM no permissions to run this command');
  await expect(leasesOf(noRight, oom).acquire([1])).rejects.toBe(noRight);
  await expect(leasesOf(oom, noRight).acquire([1])).rejects.toBe(noRight);
});
