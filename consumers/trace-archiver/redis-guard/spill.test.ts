import { crc32 } from 'node:zlib';
import { chunkBytes, chunkRedisKey } from '../../../lib/gitlab/trace-chunks';
import { GuardedTraces } from '../../../test/support/memory/guarded-traces';
import { Life } from '../../../test/support/memory/living-trace';
import { bytesOf, ourKey, record } from '../../../test/support/memory/trace-archive';
import { judgeLeftover } from './settle';
import type { GuardStep } from './dependencies';

let life: Life;
beforeEach(() => {
  life = new Life();
});

const guarded = (reach?: (step: GuardStep) => void): GuardedTraces =>
  new GuardedTraces(life, reach);
const storesOf = (buildId = 1): number[] => life.rows.chunksOf(buildId).map(({ store }) => store);
const key = chunkRedisKey(1, 0);

/** Ends like a killed process: its leases stay until Redis ends them. */
function killedAt(step: GuardStep) {
  return guarded((reached) => {
    if (reached === step) throw new Error('killed');
  });
}

function endLeases(): void {
  life.leases.held.clear();
  life.chunkLeases.held.clear();
}

test('a chunk moves into its row as GitLab flushes one: data, CRC32 in decimal, a new lock_version', async () => {
  const bytes = life.trace(1, chunkBytes + 500);
  const traces = guarded();
  await traces.pass();
  const halves = [bytes.subarray(0, chunkBytes), bytes.subarray(chunkBytes)];
  expect(life.rows.chunksOf(1)).toMatchObject(
    halves.map((rawData) => ({
      ...{ store: 2, rawData, lockVersion: 1 },
      checksum: String(crc32(rawData)),
    })),
  );
  expect(life.readTrace(1)?.equals(bytes)).toBe(true);
  expect([life.chunkKeys(), life.leases.held.size, life.chunkLeases.held.size]).toEqual([[], 0, 0]);
  expect(traces.counted).toEqual({ chunks: 2, bytes: bytes.length });
});

test('afterwards the archiver archives it from the database', async () => {
  const bytes = life.trace(1, chunkBytes + 500);
  await guarded().pass();
  expect(await life.archive(1)).toEqual([{ kind: 'done' }]);
  life.expectArchived(1, bytes);
});

test('bytes that GitLab appends after the move are archived, too', async () => {
  life.begin(500);
  await guarded().pass();
  life.do('append');
  expect(storesOf()).toEqual([2]);
  life.pending(1, bytesOf(1, 0, life.written));
  await life.archive(1);
  life.expectArchived(1, bytesOf(1, 0, life.written));
});

test.each<[string, () => void]>([
  ['the trace', () => void life.leases.held.set(1, 'of GitLab')],
  ['the chunk', () => void life.chunkLeases.held.set('1:0', 'of GitLab')],
])('where another process has the lease of %s, it stays', async (_name, take) => {
  life.trace(1, 500);
  take();
  await guarded().pass();
  expect([storesOf(), life.traceChunks.data.size]).toEqual([[4], 1]);
});

test.each<[string, () => void]>([
  ['the trace', () => void life.leases.held.set(1, 'of GitLab')],
  ['a chunk', () => void life.chunkLeases.held.set('1:0', 'of GitLab')],
])('a lease of %s that is lost before the commit takes all back', async (_name, lose) => {
  const bytes = life.trace(1, 500);
  const traces = guarded();
  traces.moves.beforeQuestion = lose;
  await traces.pass();
  expect([storesOf(), life.traceChunks.data.get(key)?.equals(bytes)]).toEqual([[4], true]);
});

test('an append between the read and the commit takes all back: the next pass has it', async () => {
  life.begin(500);
  const traces = guarded();
  traces.moves.beforeQuestion = () => life.do('append-stalled');
  await traces.pass();
  expect(storesOf()).toEqual([4]);
  traces.moves.beforeQuestion = () => undefined;
  await traces.pass();
  expect([storesOf(), life.readTrace(1)?.length]).toEqual([[2], life.written]);
});

test('a flush between the look and the leases: the chunk is GitLab’s, and stays in the bucket', async () => {
  const bytes = life.trace(1, 500);
  life.written = 500;
  const acquire = life.leases.acquire.bind(life.leases);
  life.leases.acquire = (ids) => {
    life.do('flush');
    return acquire(ids);
  };
  await guarded().pass();
  expect([storesOf(), life.readTrace(1)?.equals(bytes)]).toEqual([[3], true]);
});

test.each(['guard.leases-taken', 'guard.rows-written'] as const)(
  'ended before the commit, at %s: nothing has changed',
  async (step) => {
    life.trace(1, 500);
    await expect(killedAt(step).pass()).rejects.toThrow('killed');
    expect([storesOf(), life.traceChunks.data.size]).toEqual([[4], 1]);
  },
);

test('ended behind the commit: both have the data, and the next pass drops the key', async () => {
  const bytes = life.trace(1, 500);
  await expect(killedAt('guard.rows-committed').pass()).rejects.toThrow('killed');
  expect([storesOf(), life.traceChunks.data.size]).toEqual([[2], 1]);
  expect(life.readTrace(1)?.equals(bytes)).toBe(true);
  endLeases();
  expect((await guarded().pass()).settled).toBe(1);
  expect([storesOf(), life.chunkKeys()]).toEqual([[2], []]);
});

test('ended behind the commit, and GitLab appends: the key goes with the next pass, the row has all', async () => {
  life.begin(500);
  await expect(killedAt('guard.rows-committed').pass()).rejects.toThrow('killed');
  endLeases();
  life.do('append');
  await guarded().pass();
  expect([life.chunkKeys(), life.readTrace(1)?.length]).toEqual([[], life.written]);
});

test('ended behind the commit, GitLab appends, and the archiver comes first: it takes the key along', async () => {
  life.begin(500);
  await expect(killedAt('guard.rows-committed').pass()).rejects.toThrow('killed');
  endLeases();
  life.do('append');
  life.pending(1, bytesOf(1, 0, life.written));
  expect(await life.archiver()(record(1))).toEqual([{ kind: 'done' }]);
  life.expectArchived(1, bytesOf(1, 0, life.written));
  expect(life.objects.objects.has(ourKey(1))).toBe(true);
});

/** With the row as it was before the move. */
const appendToOldStore = (bytes: Buffer): void => {
  const now = life.traceChunks.data.get(key);
  if (now) life.traceChunks.data.set(key, Buffer.concat([now, bytes]));
};

test('a stalled writer that appends to the key after the commit: the row takes its bytes', async () => {
  life.trace(1, 500);
  const late = bytesOf(1, 500, 70);
  const traces = guarded((step) => {
    if (step === 'guard.rows-committed') appendToOldStore(late);
  });
  const { settled } = await traces.pass();
  expect([settled, life.chunkKeys()]).toEqual([1, []]);
  expect(life.readTrace(1)?.equals(bytesOf(1, 0, 570))).toBe(true);
  expect(life.rows.chunksOf(1)[0]?.checksum).toBe(String(crc32(bytesOf(1, 0, 570))));
});

test('other bytes beside a row stay, and are logged once', async () => {
  life.trace(1, 500, () => 2);
  life.traceChunks.data.set(key, Buffer.alloc(500));
  const traces = guarded();
  await traces.pass();
  await traces.pass();
  expect(life.traceChunks.data.has(key)).toBe(true);
  const logged = life.lines.filter(
    ({ event, level }) => event === 'guard.left' && Number(level) >= 40,
  );
  expect(logged).toEqual([expect.objectContaining({ buildId: 1 })]);
});

test('nothing moves while the brake holds', async () => {
  life.trace(1, 500);
  life.held = 'another database';
  await expect(guarded().pass()).rejects.toThrow('another database');
  expect(storesOf()).toEqual([4]);
});

test('nothing moves while membership is not proved', async () => {
  life.trace(1, 500);
  const traces = guarded();
  traces.mayBegin = false;
  await expect(traces.pass()).rejects.toThrow(/still a member/);
  expect([storesOf(), life.leases.held.size]).toEqual([[4], 0]);
});

test('a build whose records lie on another instance’s partition is left to it', async () => {
  for (const id of [1, 2]) life.trace(id, 500);
  await guarded().pass({}, { ours: () => (_, buildId) => buildId === 2 });
  expect([storesOf(1), storesOf(2)]).toEqual([[4], [2]]);
});

test('a dry run counts what would move, and changes nothing', async () => {
  const bytes = life.trace(1, chunkBytes + 500);
  const traces = guarded();
  const passed = await traces.pass({}, { isDryRun: true });
  expect(passed).toMatchObject({ chunks: 2, bytes: bytes.length });
  expect([storesOf(), life.traceChunks.data.size, traces.moves.committed]).toEqual([[4, 4], 2, []]);
});

test('a build that still runs gives its full chunks only when no finished one is left', async () => {
  life.trace(1, chunkBytes + 500);
  life.rows.builds.get(1)!.status = 'running';
  life.trace(2, 500);
  const order: number[][] = [];
  const traces = guarded((step) => {
    if (step === 'guard.keys-removed') order.push([...storesOf(1), ...storesOf(2)]);
  });
  await traces.pass();
  expect(order).toEqual([
    [4, 4, 2],
    [2, 4, 2],
  ]);
});

test.each([
  ['the same bytes', 'abc', 'abc', 'drop'],
  ['the beginning of the row', 'abcdef', 'abc', 'drop'],
  ['nothing', 'abc', '', 'drop'],
  ['more than the row', 'abc', 'abcdef', 'take'],
  ['more than an empty row', '', 'abc', 'take'],
  ['other bytes', 'abc', 'abx', 'leave'],
  ['other and fewer bytes', 'abc', 'x', 'leave'],
  ['more than a chunk', 'abc', `abc${'x'.repeat(chunkBytes)}`, 'leave'],
])('what is left in Redis beside a row: %s', (_name, inRow, inRedis, verdict) => {
  expect(judgeLeftover(Buffer.from(inRow), Buffer.from(inRedis))).toBe(verdict);
});
