/** A Redis at its memory limit: which commands of the archiver it refuses, and which it carries out. */
import { createHash } from 'node:crypto';
import type { MissingChunks, TraceLeases } from '../../consumers/trace-archiver/ports';
import { chunkRedisKey, traceLeaseKey } from '../../lib/gitlab/trace-chunks';
import { RedisConnection } from '../../lib/stores/redis/connection';
import { leaseReserveKey, RedisLeaseReserve } from '../../lib/stores/redis/lease-reserve';
import { readMemory } from '../../lib/stores/redis/memory';
import { RedisMissingChunks } from '../../lib/stores/redis/missing-chunks';
import { RedisTraceChunks } from '../../lib/stores/redis/trace-chunks';
import { RedisTraceLeases } from '../../lib/stores/redis/trace-leases';
import { MemoryMissingChunks, MemoryTraceLeases } from '../support/memory/memory-leases';
import { fill, OwnRedis, unlimited, usedMemory } from '../support/stack/own-redis';

const own = new OwnRedis();
const ttlMs = 30_000;
const opened: RedisConnection[] = [];
const bytes = Buffer.alloc(100_000, 'x');

function connect(username?: string, password?: string): RedisConnection {
  const login = { username, password, tlsCa: undefined };
  const one = new RedisConnection({ host: '127.0.0.1', port: own.port, db: 0, ...login });
  opened.push(one);
  return one;
}

beforeAll(() => own.start());
beforeEach(async () => {
  await unlimited(own.client);
  await own.client.flushall();
  await own.client.script('FLUSH');
  for (let id = 1; id <= 30; id += 1) await own.client.set(chunkRedisKey(id, 0), bytes);
});
afterAll(async () => {
  for (const one of opened) one.close();
  await own.stop();
});

const ids = (count: number): number[] => Array.from({ length: count }, (_, at) => 1_000_000 + at);
const refused = /OOM command not allowed/;

interface Ground {
  leases: TraceLeases;
  missing: MissingChunks;
  full: () => unknown;
  room: () => unknown;
}

describe.each<[string, () => Ground]>([
  [
    'Redis',
    () => ({
      leases: new RedisTraceLeases(connect(), ttlMs),
      missing: new RedisMissingChunks(connect()),
      full: () => fill(own.client),
      room: () => unlimited(own.client),
    }),
  ],
  [
    'memory',
    () => {
      const leases = new MemoryTraceLeases();
      const missing = new MemoryMissingChunks();
      return {
        leases,
        missing,
        full: () => void (leases.isFull = missing.isFull = true),
        room: () => void (leases.isFull = missing.isFull = false),
      };
    },
  ],
])('in a full store: %s', (_name, create) => {
  test('a lease is taken, renewed and given back as in one with room, and never from who has it', async () => {
    const { leases, full } = create();
    const [before] = await leases.acquire([7]);
    expect(before!.isFull).toBe(false);
    await full();
    const [held, taken] = await leases.acquire([7, 8]);
    expect([held!.token, held!.isFull]).toEqual([null, true]);
    expect(held!.leftMs).toBeGreaterThan(20_000);
    expect([typeof taken!.token, taken!.isFull]).toEqual(['string', true]);
    expect(taken!.leftMs).toBeGreaterThan(20_000);
    const [again] = await leases.acquire([8]);
    expect(again!.token).toBeNull();
    const ours = { jobId: 8, token: taken!.token! };
    expect(await leases.renew([ours, { jobId: 8, token: 'other' }])).toEqual([8]);
    await leases.release([{ jobId: 8, token: 'other' }]);
    expect(await leases.renew([ours])).toEqual([]);
    await leases.release([ours]);
    expect(await leases.renew([ours])).toEqual([8]);
  });

  test('missing chunks cannot be counted: nothing is said of them, and what was counted stays', async () => {
    const { missing, full, room } = create();
    const build = { partitionId: 100, buildId: 9 };
    await missing.note(build, [1], 1_000);
    await full();
    expect(await missing.note(build, [1], 2_000)).toBeUndefined();
    expect(await missing.note({ partitionId: 100, buildId: 10 }, [1], 2_000)).toBeUndefined();
    await room();
    expect(await missing.note(build, [1], 3_000)).toMatchObject({ reads: 2, firstMs: 1_000 });
    expect(await missing.note(build, [2], 4_000)).toMatchObject({ reads: 1, firstMs: 4_000 });
  });
});

test('a lease in a full Redis is GitLab’s: its key, a uuid, an end of its own; GitLab cannot take it meanwhile', async () => {
  await fill(own.client);
  const [lease] = await new RedisTraceLeases(connect(), ttlMs).acquire([8]);
  expect(lease!.token).toMatch(/^[0-9a-f-]{36}$/);
  expect(await own.client.get(traceLeaseKey(8))).toBe(lease!.token);
  expect(await own.client.pttl(traceLeaseKey(8))).toBeGreaterThan(20_000);
  await unlimited(own.client);
  expect(await own.client.set(traceLeaseKey(8), 'gitlab', 'PX', 1_000, 'NX')).toBeNull();
});

test('GitLab’s lease stays as it is, and its time too', async () => {
  await own.client.set(traceLeaseKey(5), 'gitlab', 'PX', 600_000);
  await fill(own.client);
  const [lease] = await new RedisTraceLeases(connect(), ttlMs).acquire([5]);
  expect(lease!.token).toBeNull();
  expect(lease!.leftMs).toBeGreaterThan(500_000);
  expect(await own.client.get(traceLeaseKey(5))).toBe('gitlab');
});

test('of two instances that ask for the same leases at once, one gets each', async () => {
  await fill(own.client);
  const both = await Promise.all(
    [connect(), connect()].map((one) => new RedisTraceLeases(one, ttlMs).acquire(ids(50))),
  );
  const taken = both.map((answers) => answers.filter(({ token }) => token !== null).length);
  expect(taken[0]! + taken[1]!).toBe(50);
});

test('1,000 leases in a full Redis need no more memory than it used: the reserve is given back for them', async () => {
  const connection = connect();
  const leases = new RedisTraceLeases(connection, ttlMs);
  const reserve = new RedisLeaseReserve(connection);
  await reserve.keep(Infinity);
  // Memory that scripts and buffers take the first time does not belong to the leases.
  await fill(own.client);
  await leases.acquire(ids(1_000));
  await leases.release([]);
  await unlimited(own.client);
  await own.client.unlink(ids(1_000).map(traceLeaseKey));
  await reserve.keep(Infinity);
  await fill(own.client);
  const before = await usedMemory(own.client);
  const answers = await leases.acquire(ids(1_000));
  expect(answers.every(({ token }) => token !== null)).toBe(true);
  expect(await usedMemory(own.client)).toBeLessThanOrEqual(before);
  expect(await own.client.exists(leaseReserveKey)).toBe(0);
});

test('without a reserve, as at a start that finds Redis full, a lease takes less than 400 bytes beyond the limit', async () => {
  const leases = new RedisTraceLeases(connect(), ttlMs);
  await fill(own.client);
  await leases.acquire([1]);
  const before = await usedMemory(own.client);
  await leases.acquire(ids(1_000));
  expect((await usedMemory(own.client)) - before).toBeLessThan(400_000);
});

test('the reserve has an end, is kept by each look, and is not made where it would fill Redis', async () => {
  const reserve = new RedisLeaseReserve(connect());
  await reserve.keep(300_000);
  expect(await own.client.exists(leaseReserveKey)).toBe(0);
  await reserve.keep(600_000);
  await own.client.pexpire(leaseReserveKey, 1_000);
  await reserve.keep(0);
  expect(await own.client.pttl(leaseReserveKey)).toBeGreaterThan(3_600_000);
  await reserve.giveBack();
  await fill(own.client);
  // Another client was faster than the check that saw room.
  await reserve.keep(600_000);
  expect(await own.client.exists(leaseReserveKey)).toBe(0);
});

test('what is archived is read, compared and removed in a full Redis, and it says what it has', async () => {
  const connection = connect();
  await fill(own.client);
  await expect(own.client.append(chunkRedisKey(2, 0), 'more')).rejects.toThrow(refused);
  const { usedBytes, maxBytes } = await readMemory(connection);
  expect(usedBytes).toBeGreaterThan(maxBytes!);
  const chunks = new RedisTraceChunks(connection);
  const key = chunkRedisKey(1, 0);
  expect(await chunks.read([key])).toEqual([bytes]);
  await chunks.keep([key], 60_000);
  const sha1 = createHash('sha1').update(bytes).digest('hex');
  expect(await chunks.removeUnchanged([{ key, sizeBytes: bytes.length, sha1 }])).toEqual([true]);
  expect(connection.refusedAsFull).toBe(0);
});

test('a user without the right to the reserve’s key is refused it by name, and takes leases all the same', async () => {
  const keys = ['~gitlab:ci:trace:*', '~gitlab:exclusive_lease:trace:*'];
  await own.client.call('ACL', 'SETUSER', 'few', 'on', '>secret', ...keys, '+@all');
  const connection = connect('few', 'secret');
  await expect(new RedisLeaseReserve(connection).keep(Infinity)).rejects.toThrow(/NOPERM/);
  await fill(own.client);
  const [lease] = await new RedisTraceLeases(connection, ttlMs).acquire([3]);
  expect(lease!.token).not.toBeNull();
});

/** The table of docs/runbooks/on-your-gitlab.md, without the rights for `reconcile`. */
const rights = [
  '~gitlab:ci:trace:*',
  '~gitlab:exclusive_lease:trace:write:lock:*',
  '~afterbuild:lease-reserve',
  '~afterbuild:trace:missing:*',
  ...'select ping info set get exists type strlen pttl pexpire del unlink hget hset hincrby evalsha'
    .split(' ')
    .map((command) => `+${command}`),
  '+script|load',
];

test('the rights that the runbook names are enough, with room and without', async () => {
  await own.client.call('ACL', 'SETUSER', 'archiver', 'on', '>secret', ...rights);
  const connection = connect('archiver', 'secret');
  const leases = new RedisTraceLeases(connection, ttlMs);
  const chunks = new RedisTraceChunks(connection);
  const missing = new RedisMissingChunks(connection);
  const build = { partitionId: 100, buildId: 9 };
  const sha1 = createHash('sha1').update(bytes).digest('hex');
  const all = async (buildId: number): Promise<void> => {
    const [lease] = await leases.acquire([buildId]);
    const held = [{ jobId: buildId, token: lease!.token! }];
    const key = chunkRedisKey(buildId, 0);
    await chunks.read([key, chunkRedisKey(buildId, 1)]);
    await chunks.lengths([key]);
    await chunks.lifetimes([key]);
    await chunks.keep([key], 60_000);
    expect(await leases.renew(held)).toEqual([]);
    await chunks.removeUnchanged([{ key, sizeBytes: bytes.length, sha1 }]);
    await missing.note(build, [buildId], 1_000);
    await missing.forget(build);
    await leases.release(held);
    await readMemory(connection);
  };
  await new RedisLeaseReserve(connection).keep(Infinity);
  await all(1);
  await fill(own.client);
  await all(2);
});
