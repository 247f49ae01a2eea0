/** The stores in memory, which tests of the archive use, behave like Redis and S3. */
import { createHash } from 'node:crypto';
import {
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  ListObjectsV2Command,
} from '@aws-sdk/client-s3';
import { Redis } from 'ioredis';
import type {
  ChunkObjects,
  LiveChunks,
  TraceLeases,
  TraceObjects,
} from '../../consumers/trace-archiver/ports';
import { traceLeaseKey } from '../../lib/gitlab/trace-chunks';
import { RedisConnection } from '../../lib/stores/redis/connection';
import { RedisMissingChunks } from '../../lib/stores/redis/missing-chunks';
import { RedisTraceChunks } from '../../lib/stores/redis/trace-chunks';
import { RedisTraceLeases } from '../../lib/stores/redis/trace-leases';
import { testConditionalWrites } from '../../lib/stores/s3/self-test';
import { S3Traces } from '../../lib/stores/s3/traces';
import { connectS3 } from '../support/stack/bucket';
import { MemoryMissingChunks, MemoryTraceLeases } from '../support/memory/memory-leases';
import { MemoryLiveChunks, MemoryTraceObjects } from '../support/memory/memory-traces';
import { claimRedisDatabase, releaseRedisDatabase } from '../support/stack/redis-database';
import { currentStack, readFile } from '../support/stack/stack';

const stack = currentStack();
const bucket = `traces-${process.pid}`;
const gitlab = connectS3();
const redis = new Redis({
  host: stack.addresses.redis.host,
  port: stack.addresses.redis.port,
  password: readFile(stack.addresses.redis.passwordFile),
  lazyConnect: true,
});
let database: number;
let connection: RedisConnection;
let objects: S3Traces;

beforeAll(async () => {
  await gitlab.send(new CreateBucketCommand({ Bucket: bucket }));
  database = await claimRedisDatabase(redis, bucket);
  const { host, port } = stack.addresses.redis;
  const password = readFile(stack.addresses.redis.passwordFile);
  const login = { username: undefined, password, tlsCa: undefined };
  connection = new RedisConnection({ host, port, db: database, ...login });
  const { s3 } = stack.addresses;
  objects = new S3Traces({
    endpoint: s3.endpoint,
    region: s3.region,
    bucket,
    prefix: 'all/',
    credentials: {
      accessKeyId: readFile(s3.accessKeyIdFile),
      secretAccessKey: readFile(s3.secretAccessKeyFile),
    },
    forcePathStyle: true,
    connectionsMax: 4,
    connectTimeoutMs: 2_000,
    requestTimeoutMs: 10_000,
  });
});

afterAll(async () => {
  const { Contents = [] } = await gitlab.send(new ListObjectsV2Command({ Bucket: bucket }));
  for (const { Key } of Contents) {
    await gitlab.send(new DeleteObjectCommand({ Bucket: bucket, Key: Key! }));
  }
  await gitlab.send(new DeleteBucketCommand({ Bucket: bucket }));
  gitlab.destroy();
  objects.close();
  connection.close();
  await releaseRedisDatabase(redis, database);
  redis.disconnect();
});

const sha256 = (bytes: Buffer): Buffer => createHash('sha256').update(bytes).digest();

describe.each<[string, () => TraceObjects & ChunkObjects]>([
  ['S3', () => objects],
  ['memory', () => new MemoryTraceObjects()],
])('trace objects in %s', (_name, create) => {
  const [one, two] = [Buffer.from('one'), Buffer.from('two two')];
  const put = (store: TraceObjects, body: Buffer, condition: { absent: true } | { etag: string }) =>
    store.put('a', body, sha256(body), condition);

  test('are written, read and removed on condition only', async () => {
    const store = create();
    expect(await store.head('a')).toBeNull();
    const first = await put(store, one, { absent: true });
    expect(first?.checksum).toBe(sha256(one).toString('base64'));
    expect(await put(store, two, { absent: true })).toBeUndefined();
    expect(await put(store, two, { etag: '"no"' })).toBeUndefined();
    expect(await store.head('a')).toMatchObject({ sizeBytes: 3, ...first });
    const second = await put(store, two, { etag: first!.etag });
    expect(await store.readRange('a', second!.etag, 1, 3)).toEqual(Buffer.from('wo '));
    expect(await store.readRange('a', first!.etag, 1, 3)).toBeUndefined();
    expect(await store.removeIf('a', first!.etag)).toBe(false);
    expect(await store.removeIf('a', second!.etag)).toBe(true);
    expect(await store.removeIf('a', second!.etag)).toBe(true);
    expect(await put(store, two, { etag: second!.etag })).toBeUndefined();
    expect(await store.head('a')).toBeNull();
  });

  test('are read whole, or a byte more than was asked for', async () => {
    const store = create();
    const { etag } = (await store.put('r', two, sha256(two), { absent: true }))!;
    expect(await store.read('r', 7)).toEqual({ bytes: two, etag });
    expect(await store.read('r', 3)).toEqual({ bytes: Buffer.from('two '), etag });
    expect(await store.read('none', 3)).toBeNull();
  });

  test('of several parts are one object, on the same condition', async () => {
    const store = create();
    const [large, small] = [Buffer.alloc(5 * 1024 * 1024, 'x'), Buffer.from('end')];
    const upload = async () => {
      const started = await store.upload('m');
      await started.part(large);
      await started.part(small);
      return started;
    };
    const first = await (await upload()).complete({ absent: true });
    expect(await store.head('m')).toMatchObject({ sizeBytes: large.length + 3, etag: first!.etag });
    const second = await upload();
    expect(await second.complete({ absent: true })).toBeUndefined();
    await second.abort();
    expect(await store.readRange('m', first!.etag, large.length - 1, 4)).toEqual(
      Buffer.from('xend'),
    );
  });
});

test('this S3 server passes the self-test, and nothing of it is left', async () => {
  await testConditionalWrites(objects, 'S3 of the test');
  const { Contents = [] } = await gitlab.send(
    new ListObjectsV2Command({ Bucket: bucket, Prefix: 'all/afterbuild-self-test/' }),
  );
  expect(Contents).toEqual([]);
});

interface LiveChunksGround {
  chunks: LiveChunks;
  set(key: string, text: string): unknown;
  endIn(key: string, ms: number): unknown;
}

describe.each<[string, () => LiveChunksGround]>([
  [
    'Redis',
    () => ({
      chunks: new RedisTraceChunks(connection),
      set: (key, text) => redis.set(key, text),
      endIn: (key, ms) => redis.pexpire(key, ms),
    }),
  ],
  [
    'memory',
    () => {
      const chunks = new MemoryLiveChunks();
      return {
        chunks,
        set: (key, text) => chunks.data.set(key, Buffer.from(text)),
        endIn: (key, ms) => chunks.leftMs.set(key, ms),
      };
    },
  ],
])('live chunks in %s', (_name, create) => {
  test('absent is not empty, and only what is unchanged is removed', async () => {
    const { chunks, set } = create();
    await set('a', 'abc');
    await set('empty', '');
    const keys = ['a', 'empty', 'absent'];
    expect(await chunks.read(keys)).toEqual([Buffer.from('abc'), Buffer.alloc(0), null]);
    expect(await chunks.lengths(keys)).toEqual([3, 0, 0]);
    const archived = (key: string, text: string) => ({
      key,
      sizeBytes: text.length,
      sha1: createHash('sha1').update(text).digest('hex'),
    });
    const asked = [archived('a', 'ab'), archived('a', 'abd'), archived('absent', 'x')];
    expect(await chunks.removeUnchanged(asked)).toEqual([false, false, true]);
    expect(await chunks.removeUnchanged([archived('a', 'abc'), archived('empty', '')])).toEqual([
      true,
      true,
    ]);
    expect(await chunks.read(keys)).toEqual([null, null, null]);
  });

  test('a key says when it ends, and is kept for longer only if it is there', async () => {
    const { chunks, set, endIn } = create();
    await set('ends', 'abc');
    await set('stays', 'abc');
    await endIn('ends', 60_000);
    const keys = ['ends', 'stays', 'absent'];
    const [left, ...others] = await chunks.lifetimes(keys);
    expect(left).toBeGreaterThan(50_000);
    expect(others).toEqual([null, null]);
    await chunks.keep(['ends', 'absent'], 600_000);
    expect((await chunks.lifetimes(keys))[0]).toBeGreaterThan(500_000);
    expect(await chunks.read(keys)).toEqual([Buffer.from('abc'), Buffer.from('abc'), null]);
  });
});

describe.each<[string, () => TraceLeases]>([
  ['Redis', () => new RedisTraceLeases(connection, 30_000)],
  ['memory', () => new MemoryTraceLeases()],
])('trace leases in %s', (_name, create) => {
  test('one has it until it gives it back, and cannot give back another’s', async () => {
    const leases = create();
    const [first] = await leases.acquire([7]);
    const [second] = await leases.acquire([7]);
    expect([typeof first?.token, second?.token]).toEqual(['string', null]);
    expect(second!.leftMs).toBeGreaterThan(20_000);
    const ours = { jobId: 7, token: first!.token! };
    const others = { jobId: 7, token: 'other' };
    expect(await leases.renew([ours, others])).toEqual([7]);
    await leases.release([others]);
    expect(await leases.renew([ours])).toEqual([]);
    await leases.release([ours]);
    expect(await leases.renew([ours])).toEqual([7]);
  });
});

test('the lease is GitLab’s: its key, a uuid, and an end of its own', async () => {
  await new RedisTraceLeases(connection, 30_000).acquire([8]);
  expect(await redis.get(traceLeaseKey(8))).toMatch(/^[0-9a-f-]{36}$/);
  expect(await redis.pttl('gitlab:exclusive_lease:trace:write:lock:8')).toBeGreaterThan(20_000);
});

test.each([
  ['Redis', () => new RedisMissingChunks(connection)],
  ['memory', () => new MemoryMissingChunks()],
])(
  'missing chunks in %s are counted from their first read, anew for others',
  async (_n, create) => {
    const missing = create();
    const build = { partitionId: 100, buildId: 9 };
    expect(await missing.note(build, [1, 2], 1_000)).toMatchObject({ reads: 1, firstMs: 1_000 });
    expect(await missing.note(build, [1, 2], 2_000)).toMatchObject({ reads: 2, firstMs: 1_000 });
    expect(await missing.note(build, [2], 3_000)).toMatchObject({ reads: 1, firstMs: 3_000 });
    await missing.forget(build);
    expect(await missing.note(build, [2], 4_000)).toMatchObject({ reads: 1, firstMs: 4_000 });
  },
);
