import { chunkBytes } from '../../../lib/gitlab/trace-chunks';
import { GuardedTraces, RunningGuard } from '../../../test/support/memory/guarded-traces';
import { TraceGround } from '../../../test/support/memory/trace-archive';

const count = 20;
let ground: TraceGround;
let traces: GuardedTraces;

beforeEach(() => {
  ground = new TraceGround();
  traces = new GuardedTraces(ground);
  for (let id = 1; id <= count; id += 1) ground.trace(id, 100_000);
});

const usedBytes = (): number =>
  [...ground.traceChunks.data.values()].reduce((sum, bytes) => sum + bytes.length, 0);
const inDatabase = (): number =>
  [...ground.rows.chunks.values()].filter(({ store }) => store === 2).length;

/** A Redis that may have so many bytes. */
const guardOf = (maxBytes: number | null): RunningGuard =>
  new RunningGuard(traces, () => Promise.resolve({ usedBytes: usedBytes(), maxBytes }));

const looks = (running: RunningGuard, times: number): (() => boolean) => {
  const endMs = running.clock.nowMs() + times * 10_000;
  return () => running.clock.nowMs() >= endMs;
};

test('it moves as much as makes room, and no more', async () => {
  const running = guardOf(2_000_000);
  await running.until(looks(running, 20));
  // 70 % of two million bytes: fourteen chunks.
  expect([usedBytes(), inDatabase()]).toEqual([1_400_000, 6]);
});

test.each<[string, number | null]>([
  ['with room', 20_000_000],
  ['without a limit', null],
])('a Redis %s keeps its chunks', async (_name, maxBytes) => {
  const running = guardOf(maxBytes);
  await running.until(looks(running, 20));
  expect(inDatabase()).toBe(0);
});

test('data that Redis drops soon moves, also where there is no limit', async () => {
  const [first] = [...ground.traceChunks.data.keys()];
  ground.traceChunks.leftMs.set(first!, 3_600_000);
  const running = guardOf(null);
  await running.until(looks(running, 3));
  expect([inDatabase(), ground.traceChunks.data.has(first!)]).toEqual([1, false]);
});

test.each(['off', 'dry-run'] as const)('with the flag %s nothing changes', async (mode) => {
  const running = guardOf(2_000_000);
  running.mode = mode;
  await running.until(looks(running, 20));
  expect([inDatabase(), traces.moves.committed, ground.leases.held.size]).toEqual([0, [], 0]);
});

test('a dry run says how much it would move: what makes room, not all', async () => {
  const running = guardOf(2_000_000);
  running.mode = 'dry-run';
  await running.until(looks(running, 3));
  const logged = ground.lines.find(({ event }) => event === 'guard.would-move');
  expect(logged).toMatchObject({ chunks: 6, bytes: 600_000 });
  expect(running.guard.says).toMatch(/^dry run: would move \d+ chunks/);
});

test('without the flag a crowded Redis is logged once', async () => {
  const running = guardOf(2_000_000);
  running.mode = 'off';
  await running.until(looks(running, 20));
  expect(ground.lines.filter(({ event }) => event === 'redis.crowded')).toHaveLength(1);
  expect([running.guard.says, running.guard.view.redisRooms]).toEqual([
    null,
    [{ name: 'shared-state', usedBytes: 2_000_000, maxBytes: 2_000_000, fullInMs: 0 }],
  ]);
});

test('a flag that is taken back ends a pass behind the batch under way', async () => {
  const running = guardOf(1_000_000);
  const sizes = traces.moves.committed;
  const isOver = looks(running, 20);
  await running.until(() => {
    if (sizes.length > 0) running.mode = 'off';
    return isOver();
  });
  expect(sizes).toHaveLength(1);
});

test('a database over its budget is spared: one chunk at a time, with rests, and it says so', async () => {
  traces.moves.elapsedMs = 900;
  const running = guardOf(1_000_000);
  const says: (string | null)[] = [];
  await running.until(() => {
    says.push(running.guard.says);
    return running.clock.nowMs() > 400_000;
  });
  expect(traces.moves.committed.length).toBeLessThan(count);
  expect(Math.max(...traces.moves.committed.slice(3))).toBeLessThanOrEqual(chunkBytes);
  expect(says).toContainEqual(expect.stringMatching(/^spares PostgreSQL, which takes 900 ms/));
});

test('a Redis that does not answer is waited for, and shows as a trouble while it is on', async () => {
  const running = guardOf(2_000_000);
  const answers = running.memory;
  running.memory = () => Promise.reject(new Error('connect ECONNREFUSED'));
  let troubles = 0;
  await running.until(() => {
    troubles = Math.max(troubles, running.troubles.current.length);
    if (troubles > 0) running.memory = answers;
    return inDatabase() > 0;
  });
  expect([troubles, inDatabase() > 0]).toEqual([1, true]);
});

test('while membership is not proved it does not begin, and nothing fails', async () => {
  traces.mayBegin = false;
  const running = guardOf(2_000_000);
  await running.until(looks(running, 5));
  expect([inDatabase(), running.troubles.current]).toEqual([0, []]);
});
