/** Our lease on a chunk beside GitLab's, in one Redis: its flush takes one with SET NX EX and a uuid, and cancels by a script. */
import { chunkLeaseKey, chunkRedisKey } from '../../lib/gitlab/trace-chunks';
import { RedisChunkLeases } from '../../lib/stores/redis/chunk-leases';
import { RedisConnection } from '../../lib/stores/redis/connection';
import { leaseReserveKey, RedisLeaseReserve } from '../../lib/stores/redis/lease-reserve';
import { LeaseTakenError, withChunkLease } from '../../ops/gitlab/traces/trace-lease';
import { fill, OwnRedis, unlimited, usedMemory } from '../support/stack/own-redis';
import { until } from '../support/until';

const own = new OwnRedis();
const opened: RedisConnection[] = [];
const chunk = { buildId: 7, index: 2 };
const key = chunkLeaseKey(chunk.buildId, chunk.index);

function leases(ttlMs = 30_000): RedisChunkLeases {
  const login = { username: undefined, password: undefined, tlsCa: undefined };
  const one = new RedisConnection({ host: '127.0.0.1', port: own.port, db: 0, ...login });
  opened.push(one);
  return new RedisChunkLeases(one, ttlMs);
}

beforeAll(() => own.start());
beforeEach(async () => {
  await unlimited(own.client);
  await own.client.flushall();
});
afterAll(async () => {
  for (const one of opened) one.close();
  await own.stop();
});

/** Nothing of it may run while we have the lease. */
const flush = (work: () => Promise<unknown> = () => Promise.resolve()): Promise<unknown> =>
  withChunkLease(own.client, chunk, work);

test('while GitLab flushes a chunk we get no lease on it, and one on its neighbours', async () => {
  const ours = leases();
  await flush(async () => {
    expect(await ours.acquire([chunk])).toEqual([]);
    const next = { ...chunk, index: 3 };
    expect(await ours.acquire([chunk, next])).toEqual([expect.objectContaining(next)]);
  });
  expect(await ours.acquire([chunk])).toHaveLength(1);
});

test('while we move a chunk GitLab’s flush gets no lease, does nothing, and leaves ours as it is', async () => {
  const ours = leases();
  const [lease] = await ours.acquire([chunk]);
  const work = jest.fn();
  await expect(flush(work)).rejects.toThrow(LeaseTakenError);
  expect(work).not.toHaveBeenCalled();
  expect(await own.client.get(key)).toBe(lease!.token);
  await ours.release([lease!]);
  await flush(work);
  expect(work).toHaveBeenCalledTimes(1);
});

test('of GitLab and two of us who ask at once, one gets the lease', async () => {
  const instances = [leases(), leases()];
  for (let round = 0; round < 50; round += 1) {
    await own.client.del(key);
    const gitlab = own.client.set(key, 'gitlab', 'EX', 60, 'NX');
    const ours = await Promise.all(instances.map((one) => one.acquire([chunk])));
    const taken = ours.flat().length + ((await gitlab) === null ? 0 : 1);
    expect(taken).toBe(1);
  }
});

test('a lease ends by itself, and GitLab takes it then', async () => {
  const [lease] = await leases(50).acquire([chunk]);
  expect(await own.client.pttl(key)).toBeLessThanOrEqual(50);
  await until('our lease has ended', async () => (await own.client.exists(key)) === 0);
  await flush(async () => {
    expect(await own.client.get(key)).not.toBe(lease!.token);
    expect(await own.client.ttl(key)).toBe(60);
  });
});

test('who holds a lease that ended meanwhile cancels and renews nobody else’s', async () => {
  const ours = leases();
  const [ended] = await ours.acquire([chunk]);
  await own.client.del(key); // as its time does
  await flush(async () => {
    const gitlabs = await own.client.get(key);
    expect(await ours.renew([ended!])).toBe(false);
    await ours.release([ended!]);
    expect(await own.client.get(key)).toBe(gitlabs);
    expect(await own.client.ttl(key)).toBe(60);
  });
  await flush(async () => {
    await own.client.del(key);
    expect(await ours.acquire([chunk])).toHaveLength(1);
  });
  expect(await own.client.exists(key)).toBe(1);
});

test('a renewed lease lasts as long as a new one', async () => {
  const ours = leases();
  const [lease] = await ours.acquire([chunk]);
  await own.client.pexpire(key, 1_000);
  expect(await ours.renew([lease!])).toBe(true);
  expect(await own.client.pttl(key)).toBeGreaterThan(20_000);
});

test('in a full Redis they exclude each other as well, and the reserve is given back before one is taken', async () => {
  const ours = leases();
  const reserve = new RedisLeaseReserve(opened.at(-1)!);
  await own.client.set(chunkRedisKey(7, 2), Buffer.alloc(2_000_000, 'x'));
  await reserve.keep(Infinity);
  const gitlabs = { ...chunk, index: 9 };
  await withChunkLease(own.client, gitlabs, async () => {
    const before = await usedMemory(own.client);
    await fill(own.client);
    const taken = await ours.acquire([chunk, gitlabs]);
    expect(taken).toEqual([expect.objectContaining(chunk)]);
    expect(await own.client.exists(leaseReserveKey)).toBe(0);
    expect(await usedMemory(own.client)).toBeLessThan(before);
    // GitLab's own is refused for the room as well as for our lease.
    await expect(flush()).rejects.toThrow();
    expect(await own.client.get(key)).toBe(taken[0]!.token);
    await ours.release(taken);
    expect(await own.client.exists(key)).toBe(0);
  });
});
