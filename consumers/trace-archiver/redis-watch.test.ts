import { pino } from 'pino';
import { Metrics } from '../../lib/metrics/metrics';
import { Troubles } from '../../lib/process/troubles';
import { RedisWatch, type WatchedRedis } from './redis-watch';

const megabyte = 1_048_576;

function watch(store: WatchedRedis['store'] = 'shared-state') {
  const state = {
    usedBytes: megabyte,
    maxBytes: (3 * megabyte) as number | null,
    evicts: false,
    refused: 0,
    free: [] as number[],
    refusal: undefined as Error | undefined,
    isAway: false,
  };
  const lines: string[] = [];
  const troubles = new Troubles();
  const metrics = new Metrics('trace-archiver');
  const room = new RedisWatch({
    watched: [
      {
        store,
        address: 'redis:6379',
        refusedAsFull: () => state.refused,
        memory: () =>
          state.isAway ? Promise.reject(new Error('away')) : Promise.resolve({ ...state }),
        keepReserve: (freeBytes) => {
          state.free.push(freeBytes);
          return state.refusal ? Promise.reject(state.refusal) : Promise.resolve();
        },
      },
    ],
    ...{ troubles, metrics },
    logger: pino({}, { write: (line) => void lines.push(line) }),
  });
  const events = () => lines.map((line) => (JSON.parse(line) as { event: string }).event);
  return { state, room, troubles, metrics, events };
}

test('a Redis at its limit is named with server and figures for as long as it is, and is no red readiness', async () => {
  const { state, room, troubles, metrics, events } = watch();
  await room.look();
  expect(troubles.current).toEqual([]);
  expect((await metrics.read()).text).toMatch(
    /afterbuild_redis_full\{store="shared-state".*\} 0\n/,
  );
  state.usedBytes = 3 * megabyte + 1;
  await room.look();
  await room.look();
  expect(troubles.current).toEqual([
    {
      cause: expect.stringMatching(
        /^Redis at redis:6379 \(shared-state\) is full: it uses 3\.0 MB of the 3\.0 MB of its maxmemory/,
      ) as string,
      isStuck: false,
    },
  ]);
  expect((await metrics.read()).text).toMatch(/afterbuild_redis_full\{.*\} 1\n/);
  state.usedBytes = 2 * megabyte;
  await room.look();
  expect(troubles.current).toEqual([]);
  expect(state.free).toEqual([2 * megabyte, -1, -1, megabyte]);
  expect(events()).toEqual(['redis.full', 'redis.has-room']);
});

test('it is full also when it refused something since the last look and has room at this one', async () => {
  const { state, room, troubles } = watch();
  await room.look();
  state.refused += 1;
  await room.look();
  expect(troubles.current[0]?.cause).toMatch(/is full/);
  await room.look();
  expect(troubles.current).toEqual([]);
});

test('one that drops keys at its limit is full when it refuses something, not before', async () => {
  const { state, room, troubles } = watch();
  state.evicts = true;
  state.usedBytes = 3 * megabyte + 1;
  await room.look();
  expect(troubles.current).toEqual([]);
  state.refused += 1;
  await room.look();
  expect(troubles.current).toHaveLength(1);
});

test('without a limit it is never full; what does not answer is as it was', async () => {
  const { state, room, troubles } = watch();
  state.maxBytes = null;
  state.usedBytes = 900 * megabyte;
  await room.look();
  expect(troubles.current).toEqual([]);
  state.maxBytes = megabyte;
  await room.look();
  state.isAway = true;
  await room.look();
  expect(troubles.current).toHaveLength(1);
});

test('a reserve that may not be made is named until it may', async () => {
  const { state, room, troubles } = watch();
  state.refusal = new Error('NOPERM no permissions to access a key');
  await room.look();
  expect(troubles.current[0]?.cause).toMatch(/set aside in Redis at redis:6379 .*NOPERM/);
  state.refusal = undefined;
  await room.look();
  expect(troubles.current).toEqual([]);
});
