import type { InstanceReport } from '../lib/control/status-report';
import { redisLinesOf } from './status-redis';

const mib = 1_048_576;
const room = { name: 'trace-chunks', usedBytes: 700 * mib, maxBytes: 1_024 * mib, fullInMs: null };

const instance = (change: Partial<InstanceReport>): InstanceReport => ({
  process: 'trace-archiver',
  instance: 'pod-1',
  startedAtMs: 0,
  atMs: 1,
  state: 'held',
  sinceMs: 0,
  cause: null,
  causes: [],
  work: null,
  partitions: 12,
  recordsPerSecond: 0,
  bufferedRecords: 0,
  oldestRecordAtMs: null,
  concurrency: 4,
  breakers: [],
  flags: [],
  setAside: [],
  redisRooms: [room],
  redisGuard: null,
  silentForMs: null,
  ...change,
});

test('a Redis that fills up is said to be full in so much time at this rate', () => {
  const growing = { ...room, fullInMs: 3 * 3_600_000 };
  expect(redisLinesOf([instance({ redisRooms: [growing] })])).toEqual([
    {
      title: 'redis',
      text: 'trace-chunks: 700.0 MiB of 1.0 GiB (68 %), Redis is full in 3h00m at this rate',
    },
  ]);
});

test.each([
  [room, 'trace-chunks: 700.0 MiB of 1.0 GiB (68 %)'],
  [
    { ...room, usedBytes: room.maxBytes, fullInMs: 0 },
    'trace-chunks: 1.0 GiB of 1.0 GiB (100 %), Redis is full',
  ],
  [{ ...room, usedBytes: 900, maxBytes: null }, 'trace-chunks: 900 bytes, without maxmemory'],
])('%j is said as it is', (redisRoom, text) => {
  expect(redisLinesOf([instance({ redisRooms: [redisRoom] })])).toEqual([{ title: 'redis', text }]);
});

test('each Redis has one line, from the instance that reported last, and each activity of the guards one', () => {
  const lines = redisLinesOf([
    instance({ atMs: 5, redisGuard: 'watches' }),
    instance({ atMs: 3, redisRooms: [{ ...room, usedBytes: 1 }], redisGuard: 'watches' }),
    instance({ atMs: 9, redisRooms: [{ ...room, usedBytes: 2 }], silentForMs: 60_000 }),
  ]);
  expect(lines).toEqual([
    { title: 'redis', text: 'trace-chunks: 700.0 MiB of 1.0 GiB (68 %)' },
    { title: 'redis guard', text: 'watches' },
  ]);
});

test('processes that hold no chunks say nothing of Redis', () => {
  expect(redisLinesOf([instance({ redisRooms: [] })])).toEqual([]);
});
