import { Troubles } from '../../lib/process/troubles';
import { createUntilDone } from '../../lib/service/until-done';
import { listeningLogger, SteppedClock } from '../../test/support/records/expired-artifacts';
import { ArchiverBacklog } from './archiver-backlog';

const never = new AbortController().signal;

/** @param answers the committed offsets at each read, of 100 records a partition. */
function setUp(answers: readonly (readonly [number, number])[]) {
  const clock = new SteppedClock();
  const { logger } = listeningLogger();
  const troubles = new Troubles();
  const world = { looks: 0, asking: 0, asideMax: 0 };
  const backlog = new ArchiverBacklog({
    topic: {
      backlog: async () => {
        const committed = answers[Math.min(world.looks, answers.length - 1)] ?? [0, 0];
        world.looks += 1;
        world.asking += 1;
        world.asideMax = Math.max(world.asideMax, world.asking);
        await new Promise((resolve) => setImmediate(resolve));
        world.asking -= 1;
        return committed.map((offset, partition) => ({ partition, committed: offset, end: 100 }));
      },
    },
    untilDone: createUntilDone({ clock, logger, random: () => 1, troubles }),
    troubles,
    clock,
    logger,
    inFlightMax: () => 10,
  });
  return { backlog, world, troubles, clock };
}

test('there is room when no partition has as many records in flight as it may', async () => {
  const { backlog, world } = setUp([[95, 91]]);
  await backlog.room(never);
  expect(world.looks).toBe(1);
});

test('one partition that is held is waited for', async () => {
  const { backlog, world } = setUp([
    [100, 50],
    [100, 90],
    [100, 91],
  ]);
  await backlog.room(never);
  expect(world.looks).toBe(3);
});

test('the last pass is done when everything up to its end is committed, what came later or not', async () => {
  const { backlog, world } = setUp([
    [40, 60],
    [60, 59],
    [60, 60],
  ]);
  const ends = new Map([
    [0, 60],
    [1, 60],
  ]);
  await backlog.caughtUp(ends, never);
  expect(world.looks).toBe(3);
});

test('an archiver that does not get on is named, until it does', async () => {
  const { backlog, world, troubles, clock } = setUp(
    Array.from({ length: 400 }, (_, look) => (look < 350 ? [100, 50] : [100, 100])),
  );
  const seen = new Set<string>();
  const { sleep } = clock;
  clock.sleep = (ms, signal) => {
    for (const { cause, isStuck } of troubles.current) seen.add(`${cause} ${isStuck}`);
    return sleep.call(clock, ms, signal);
  };
  await backlog.room(never);
  expect(world.looks).toBe(351);
  expect([...seen]).toEqual([
    'the stale sweep waits for trace-archiver, which makes no progress: 50 records false',
  ]);
  expect(troubles.current).toEqual([]);
});

test('the ends are read for each partition', async () => {
  const { backlog } = setUp([[40, 60]]);
  expect([...(await backlog.ends(never))]).toEqual([
    [0, 100],
    [1, 100],
  ]);
});

test('many slices ask side by side with one question at a time', async () => {
  const { backlog, world } = setUp([[100, 100]]);
  await Promise.all(Array.from({ length: 12 }, () => backlog.room(never)));
  expect(world.asideMax).toBe(1);
  expect(world.looks).toBeLessThan(12);
});

test('waiting ends when the slice is not ours any more', async () => {
  const { backlog } = setUp([[0, 0]]);
  const abort = new AbortController();
  const waiting = backlog.room(abort.signal);
  abort.abort(new Error('lost'));
  await expect(waiting).rejects.toThrow('lost');
});
