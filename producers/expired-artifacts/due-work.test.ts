import { pino } from 'pino';
import { HandClock } from '../../test/support/records/control';
import { minusInfinity } from '../../lib/stores/postgres/instant';
import { DueWork } from './due-work';
import type { DueCount, DuePosition } from './ports';

const shard = (name: string) => ({ name, partitionIds: [100] });
const at = (ms: number): bigint => BigInt(ms) * 1_000n;

function setUp(positions: DuePosition[]) {
  const counts: DueCount = { artifacts: 400, isEstimate: false };
  const world = { counts, fails: false, asked: [] as string[], isFull: false, ownInFlight: 3_000 };
  const due = new DueWork({
    database: {
      countDue: ({ name }) => {
        world.asked.push(name);
        return world.fails ? Promise.reject(new Error('away')) : Promise.resolve(world.counts);
      },
    },
    sweeps: { positions },
    output: {
      get isFull() {
        return world.isFull;
      },
      lookAgain: () => Promise.resolve(),
    },
    limit: world,
    clock: new HandClock(),
    logger: pino({ level: 'silent' }),
  });
  return { due, world };
}

test('only what has not caught up is counted, and its oldest watermark dates all of it', async () => {
  const { due, world } = setUp([
    { shard: shard('a'), caughtUp: true, after: at(1_000) },
    { shard: shard('b'), caughtUp: false, after: at(50_000) },
    { shard: shard('c'), caughtUp: false, after: at(40_000) },
  ]);
  expect(due.read().inDatabase).toBeNull();
  await due.look();
  expect(world.asked).toEqual(['b', 'c']);
  expect(due.read()).toMatchObject({ inDatabase: 800, dueSinceMs: 40_000, inFlight: 3_000 });
});

test('a shard without a watermark has no age', async () => {
  const { due } = setUp([
    { shard: shard('a'), caughtUp: false, after: null },
    { shard: shard('b'), caughtUp: false, after: minusInfinity },
  ]);
  await due.look();
  expect(due.read()).toMatchObject({ inDatabase: 800, dueSinceMs: null });
});

test('what cannot be counted is not known, and is no 0', async () => {
  const { due, world } = setUp([{ shard: shard('a'), caughtUp: false, after: null }]);
  await due.look();
  world.fails = true;
  await due.look();
  expect(due.read().inDatabase).toBeNull();
});

test('who waits for room says for whom', () => {
  const { due, world } = setUp([]);
  expect(due.read().waitsFor).toBeNull();
  world.isFull = true;
  expect(due.read().waitsFor).toBe('artifact-deleter');
});
