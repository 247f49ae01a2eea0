import {
  listeningLogger,
  origin,
  SteppedClock,
} from '../../test/support/records/expired-artifacts';
import type { SweepProgress } from '../../schemas/generated';
import type { Shard } from './ports';
import { progressOf, stateAtStart } from './progress';
import { Sweeps, type KnownProgress } from './sweeps';
import { Troubles } from '../../lib/process/troubles';
import { createUntilDone } from '../../lib/service/until-done';

const a: Shard = { name: 'public.a', partitionIds: [100, 101] };
const b: Shard = { name: 'public.b', partitionIds: [102] };
const partitions: Readonly<Record<string, number>> = { 'public.a': 1, 'public.b': 2 };

function setUp() {
  const clock = new SteppedClock();
  const { logger, said } = listeningLogger();
  const troubles = new Troubles();
  const world = {
    shards: [a, b] as readonly Shard[],
    slotReady: true,
    failure: undefined as Error | undefined,
    begun: [] as { readonly name: string; readonly from: KnownProgress }[],
    ended: [] as string[],
    repairs: [] as string[],
    fatal: [] as Error[],
    clock,
    said,
    troubles,
  };
  const sweeps = new Sweeps({
    database: {
      shards: () => (world.failure ? Promise.reject(world.failure) : Promise.resolve(world.shards)),
      slotIsReady: () => Promise.resolve(world.slotReady),
    },
    progress: { partitionOf: (shard) => partitions[shard] ?? 0 },
    guard: { noteSighting: () => undefined },
    untilDone: createUntilDone({
      ...{ clock, logger, random: () => 1, troubles },
      isFinal: (error) => error === world.failure,
    }),
    troubles,
    clock,
    logger,
    slot: 'afterbuild',
    createSweep: (shard, from) => ({
      position: { shard, caughtUp: true, after: null },
      run: async (signal) => {
        world.begun.push({ name: shard.name, from });
        return new Promise<never>((_, reject) => {
          signal.addEventListener('abort', () => {
            world.ended.push(shard.name);
            reject(signal.reason as Error);
          });
        });
      },
      requestRepair: (reason) => world.repairs.push(`${shard.name}: ${reason}`),
    }),
    onFatal: (error) => world.fatal.push(error),
  });
  return { sweeps, world };
}

/** Runs everything that can run, for a few steps of the clock. */
async function settle(turns = 8): Promise<void> {
  for (let turn = 0; turn < turns; turn += 1) {
    await new Promise((resolve) => setImmediate(resolve));
  }
}

const progress = (shard: string, expireAt: number): SweepProgress =>
  progressOf('due', shard, {
    ...stateAtStart,
    cursor: { expireAt: BigInt(expireAt), tie: null },
    atMs: 1,
    origin,
  });

test('a shard begins when its partition is held, from the watermark that was read there', async () => {
  const { sweeps, world } = setUp();
  sweeps.start();
  await settle();
  expect(world.begun).toEqual([]);
  sweeps.noteProgress(1, progress('public.a', 5));
  sweeps.noteProgress(1, progress('public.a', 3));
  sweeps.hold(1);
  expect(world.begun.map(({ name, from }) => [name, from.due?.expireAtUs])).toEqual([
    ['public.a', 5],
  ]);
  await sweeps.stop();
  expect(world.ended).toEqual(['public.a']);
});

test('partitions that were held before the shards were known are swept too', async () => {
  const { sweeps, world } = setUp();
  sweeps.hold(1);
  sweeps.hold(2);
  sweeps.start();
  await settle();
  expect(world.begun.map(({ name }) => name)).toEqual(['public.a', 'public.b']);
  await sweeps.stop();
});

test('nothing is swept before the slot is there, and what is awaited is said once and shown', async () => {
  const { sweeps, world } = setUp();
  world.slotReady = false;
  sweeps.hold(1);
  sweeps.start();
  await settle();
  expect(world.begun).toEqual([]);
  const cause = expect.stringMatching(/^waiting for the replication slot afterbuild/) as string;
  expect(world.troubles.current).toEqual([{ cause, isStuck: false }]);
  world.slotReady = true;
  await settle();
  expect(world.troubles.current).toEqual([]);
  expect(world.begun).toHaveLength(1);
  expect(world.said.slice(0, 2).map(({ event }) => event)).toEqual(['slot.awaited', 'slot.found']);
  await sweeps.stop();
});

test('before a rebalance the sweep ends, and goes on from what is known when the partition is kept', async () => {
  const { sweeps, world } = setUp();
  sweeps.start();
  await settle();
  sweeps.hold(1);
  await sweeps.pause(1);
  expect(world.ended).toEqual(['public.a']);
  sweeps.noteProgress(1, progress('public.a', 7));
  sweeps.hold(1);
  expect(world.begun.at(-1)?.from.due?.expireAtUs).toBe(7);
  await sweeps.stop();
});

test('a lost partition takes its watermarks along: the next owner may have gone on', async () => {
  const { sweeps, world } = setUp();
  sweeps.start();
  await settle();
  sweeps.noteProgress(1, progress('public.a', 7));
  sweeps.hold(1);
  sweeps.lose(1);
  await settle(1);
  sweeps.hold(1);
  expect(world.begun.at(-1)?.from.due).toBeUndefined();
  await sweeps.stop();
});

test('a new partition is swept, and one whose ids change begins again with the new ones', async () => {
  const { sweeps, world } = setUp();
  world.shards = [a];
  sweeps.start();
  sweeps.hold(1);
  sweeps.hold(2);
  await settle();
  expect(world.begun.map(({ name }) => name)).toEqual(['public.a']);
  world.shards = [{ ...a, partitionIds: [100, 101, 103] }, b];
  await settle();
  expect(world.ended).toEqual(['public.a']);
  expect(world.begun.map(({ name }) => name)).toEqual(['public.a', 'public.a', 'public.b']);
  await sweeps.stop();
});

test('a partition that cannot be swept ends the process with its reason', async () => {
  const { sweeps, world } = setUp();
  world.failure = new Error('a DEFAULT partition');
  sweeps.start();
  await settle();
  expect(world.fatal).toEqual([world.failure]);
  await sweeps.stop();
});

test('a repair goes to every shard that is swept here', async () => {
  const { sweeps, world } = setUp();
  sweeps.start();
  await settle();
  sweeps.hold(1);
  sweeps.requestRepair('a gap');
  expect(world.repairs).toEqual(['public.a: a gap']);
  await sweeps.stop();
});

test('after the stop nothing begins any more', async () => {
  const { sweeps, world } = setUp();
  sweeps.start();
  await settle();
  await sweeps.stop();
  sweeps.hold(1);
  expect(world.begun).toEqual([]);
  expect(world.fatal).toEqual([]);
});

test('a repair is owed to a shard that comes here shortly after it, until its sweep has begun', async () => {
  const { sweeps, world } = setUp();
  sweeps.start();
  await settle();
  sweeps.requestRepair('a gap');
  sweeps.hold(1);
  await sweeps.pause(1);
  sweeps.hold(1);
  expect(world.repairs).toEqual(['public.a: a gap', 'public.a: a gap']);
  await sweeps.pause(1);
  const begun = { ...stateAtStart, epoch: 1, atMs: 1, origin };
  sweeps.noteProgress(1, progressOf('full', 'public.a', begun));
  sweeps.hold(1);
  expect(world.repairs).toHaveLength(2);
  world.clock.ms += 600_001;
  sweeps.hold(2);
  expect(world.repairs).toHaveLength(2);
  await sweeps.stop();
});
