import type { StaleProgress } from '../../schemas/generated';
import {
  listeningLogger,
  origin,
  SteppedClock,
} from '../../test/support/records/expired-artifacts';
import { progressOf } from './progress';
import { noneFound } from './found-builds';
import { StaleSweeps } from './stale-sweeps';

function setUp() {
  const { logger } = listeningLogger();
  const world = {
    begun: [] as { readonly slice: number; readonly from: StaleProgress | undefined }[],
    ended: [] as number[],
    learned: [] as number[],
    repairs: [] as string[],
    clock: new SteppedClock(),
    fatal: [] as Error[],
    finishing: Promise.resolve(),
    failure: undefined as Error | undefined,
  };
  const sweeps = new StaleSweeps({
    guard: { noteSighting: ({ origin: met }) => world.learned.push(met.lsn) },
    logger,
    clock: world.clock,
    createSweep: (slice, from) => ({
      found: noneFound,
      requestRepair: (reason) => world.repairs.push(`${slice}: ${reason}`),
      run: (signal) => {
        world.begun.push({ slice, from });
        if (world.failure) return Promise.reject(world.failure);
        return new Promise<never>((_, reject) => {
          signal.addEventListener('abort', () => {
            void world.finishing.then(() => {
              world.ended.push(slice);
              reject(signal.reason as Error);
            });
          });
        });
      },
    }),
    onFatal: (error) => world.fatal.push(error),
  });
  return { sweeps, world };
}

const at = (buildId: number): StaleProgress =>
  progressOf(
    3,
    { pass: 1, cursor: { partitionId: 100, buildId }, complete: false, begunAtMs: 0 },
    origin,
    1,
  );
const turn = () => new Promise((resolve) => setImmediate(resolve));

test('a slice is swept from its cursor once it is held and the decisions are known', () => {
  const { sweeps, world } = setUp();
  sweeps.noteProgress(3, null);
  sweeps.noteProgress(3, at(10));
  sweeps.noteProgress(3, at(20));
  sweeps.hold(3);
  expect(world.begun).toEqual([]);
  sweeps.start();
  sweeps.hold(4);
  expect(world.begun).toEqual([
    { slice: 3, from: at(20) },
    { slice: 4, from: undefined },
  ]);
  expect(world.learned).toEqual([origin.lsn, origin.lsn]);
});

test('before a rebalance its page is finished; kept, it goes on from the cursor', async () => {
  const { sweeps, world } = setUp();
  let finish = (): void => undefined;
  world.finishing = new Promise((resolve) => (finish = resolve));
  sweeps.start();
  sweeps.hold(3);
  const paused = sweeps.pause(3);
  sweeps.noteProgress(3, at(30));
  sweeps.hold(3);
  expect(world.begun).toHaveLength(1);
  finish();
  await paused;
  expect(world.ended).toEqual([3]);
  expect(world.begun.at(-1)).toEqual({ slice: 3, from: at(30) });
  expect(world.begun).toHaveLength(2);
});

test('what is lost is forgotten and read again when it comes back', async () => {
  const { sweeps, world } = setUp();
  sweeps.start();
  sweeps.noteProgress(3, at(10));
  sweeps.hold(3);
  sweeps.lose(3);
  await turn();
  expect(world.ended).toEqual([3]);
  sweeps.hold(3);
  expect(world.begun.at(-1)).toEqual({ slice: 3, from: undefined });
});

test('a stop ends all, and nothing begins after it', async () => {
  const { sweeps, world } = setUp();
  sweeps.start();
  for (const slice of [1, 2]) sweeps.hold(slice);
  await sweeps.stop();
  sweeps.hold(5);
  expect(world.ended).toEqual([1, 2]);
  expect(world.begun).toHaveLength(2);
});

test('a sweep that fails ends the process', async () => {
  const { sweeps, world } = setUp();
  world.failure = new Error('a bug');
  sweeps.start();
  sweeps.hold(1);
  await turn();
  expect(world.fatal).toEqual([world.failure]);
});

test('a repair goes to every slice, also to those that come to this process shortly after it', () => {
  const { sweeps, world } = setUp();
  sweeps.start();
  sweeps.hold(3);
  sweeps.requestRepair('a gap');
  sweeps.hold(4);
  world.clock.ms += 600_001;
  sweeps.hold(5);
  expect(world.repairs).toEqual(['3: a gap', '4: a gap']);
});
