/** A connection that still leads to the former master, and keys that hold another type than expected. */
import { chunkRedisKey, traceLeaseKey } from '../../lib/gitlab/trace-chunks';
import { RedisConnection } from '../../lib/stores/redis/connection';
import { RedisMissingChunks } from '../../lib/stores/redis/missing-chunks';
import { RedisTraceChunks } from '../../lib/stores/redis/trace-chunks';
import { RedisTraceLeases } from '../../lib/stores/redis/trace-leases';
import { RedisPair } from '../support/stack/redis-pair';
import { until } from '../support/until';

const pair = new RedisPair();
const opened: RedisConnection[] = [];

function connectTo(port: number): RedisConnection {
  const login = { username: undefined, password: undefined, tlsCa: undefined };
  const connection = new RedisConnection({ host: '127.0.0.1', port, db: 0, ...login });
  opened.push(connection);
  return connection;
}

beforeAll(() => pair.start());
afterAll(async () => {
  for (const connection of opened) connection.close();
  await pair.stop();
});

/** The address moves; the old master follows the new one, and connections to it stay. */
async function failOver(): Promise<void> {
  const { first, second } = pair;
  pair.leadsTo = second;
  await first.client.replicaof('127.0.0.1', second.port);
  await until('the old master follows', async () =>
    (await first.client.info('replication')).includes('master_link_status:up'),
  );
}

test('after a failover a refusal by role is followed by work on the new master', async () => {
  const leases = new RedisTraceLeases(connectTo(pair.port), 30_000);
  const missing = new RedisMissingChunks(connectTo(pair.port));
  const chunks = new RedisTraceChunks(connectTo(pair.port));
  const build = { partitionId: 100, buildId: 1 };
  expect(await leases.acquire([1])).toMatchObject([
    { jobId: 1, token: expect.any(String) as string },
  ]);
  await missing.note(build, [0], 1);
  const key = chunkRedisKey(1, 0);
  expect(await chunks.read([key])).toEqual([null]);

  await failOver();
  await pair.second.client.set(key, 'bytes');
  const refused = { name: 'RedisError', isRefusal: true };
  await expect(leases.acquire([2])).rejects.toMatchObject(refused);
  await expect(missing.note(build, [0], 2)).rejects.toMatchObject(refused);
  const never = chunkRedisKey(1, 9);
  await expect(chunks.read([never])).rejects.toThrow(/is a slave/);

  expect(await leases.acquire([2])).toMatchObject([{ token: expect.any(String) as string }]);
  expect(await pair.second.client.exists(traceLeaseKey(2))).toBe(1);
  expect(await missing.note(build, [0], 3)).toEqual({ reads: 1, firstMs: 3 });
  expect(await chunks.read([key, never])).toEqual([Buffer.from('bytes'), null]);
});

test('a chunk key that holds no text holds up no other, and stays', async () => {
  const chunks = new RedisTraceChunks(connectTo(pair.second.port));
  const [odd, plain] = [chunkRedisKey(2, 0), chunkRedisKey(3, 0)];
  await pair.second.client.lpush(odd, 'x');
  await pair.second.client.set(plain, 'bytes');
  expect(await chunks.read([odd, plain])).toEqual([null, Buffer.from('bytes')]);
  expect(await chunks.lengths([odd, plain])).toEqual([-1, 5]);
  expect(await chunks.removeUnchanged([{ key: odd, sizeBytes: 1, sha1: '' }])).toEqual([false]);
  expect(await pair.second.client.type(odd)).toBe('list');
});
