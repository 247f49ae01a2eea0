/** The README's cases of a trace that does not change. */
import { S3Error } from '../../lib/stores/s3/errors';
import { chunkBytes, chunkRedisKey } from '../../lib/gitlab/trace-chunks';
import {
  bytesOf,
  hourMs,
  record,
  rules,
  skipped,
  TraceGround,
} from '../../test/support/memory/trace-archive';

let ground: TraceGround;
beforeEach(() => {
  ground = new TraceGround();
});

test.each([1, 2, 3, 4])('whole, all in store %i: archived', async (store) => {
  const bytes = ground.trace(1, 2 * chunkBytes + 5, () => store);
  ground.pending(1, bytes);
  expect(await ground.archive(1)).toEqual([{ kind: 'done' }]);
  ground.expectArchived(1, bytes);
  expect(ground.objects.puts).toBe(1);
});

test('whole, mixed over all stores, and longer than one group: archived', async () => {
  const bytes = ground.trace(1, 40 * chunkBytes + 1, (index) => (index % 4) + 1);
  ground.pending(1, bytes);
  expect(await ground.archive(1)).toEqual([{ kind: 'done' }]);
  ground.expectArchived(1, bytes);
});

test('an empty trace, one chunk with empty data: archived with no bytes', async () => {
  const bytes = ground.trace(1, 0);
  expect(await ground.archive(1)).toEqual([{ kind: 'done' }]);
  ground.expectArchived(1, bytes);
});

test('no chunk at all: nothing to do, and never an artifact row', async () => {
  ground.build(1);
  expect(await ground.archive(1)).toEqual(skipped('there is no chunk'));
  expect(ground.rows.artifacts.size).toBe(0);
});

test.each<[string, number]>([
  ['middle', 1],
  ['last', 2],
])('a lost %s chunk: waits, then partial, with a marker in its place', async (_case, lost) => {
  const bytes = ground.trace(1, 2 * chunkBytes + 9);
  ground.pending(1, bytes);
  ground.lose(ground.rows.chunksOf(1)[lost]!);
  const waits = skipped(/no store has the data of chunks/);
  expect(await ground.archive(1)).toEqual(waits);
  ground.nowMs += 12 * hourMs;
  expect(await ground.archive(1)).toEqual(waits);
  expect(await ground.archive(1)).toEqual(waits); // three reads, but not yet 24 hours
  ground.expectUntouched(1);
  ground.nowMs += 12 * hourMs;
  expect(await ground.archive(1)).toEqual([{ kind: 'done' }]);
  const object = ground.objectOf(1)!;
  const kept = lost === 1 ? [0, 2] : [0, 1];
  for (const index of kept) {
    const from = index * chunkBytes;
    expect(object.subarray(from, from + 9).equals(bytes.subarray(from, from + 9))).toBe(true);
  }
  expect(object.toString('latin1')).toContain(`chunk ${lost} of this log was lost`);
  expect(ground.rows.chunksOf(1)).toEqual([]);
  expect(ground.lines).toContainEqual(
    expect.objectContaining({
      event: 'trace.archived-with-faults',
      reason: `stored with a marker for each lost chunk: ${lost}`,
    }),
  );
});

test('missing data that comes back within the wait: archived whole', async () => {
  const bytes = ground.trace(1, 2 * chunkBytes + 9);
  const chunk = ground.rows.chunksOf(1)[1]!;
  ground.lose(chunk);
  expect(await ground.archive(1)).toEqual(skipped(/no store has/));
  ground.put(chunk, bytes.subarray(chunkBytes, 2 * chunkBytes));
  expect(await ground.archive(1)).toEqual([{ kind: 'done' }]);
  ground.expectArchived(1, bytes);
});

test('a row without data, the only one: waits, and is not taken for an empty trace', async () => {
  ground.trace(1, 10);
  ground.lose(ground.rows.chunksOf(1)[0]!);
  expect(await ground.archive(1)).toEqual(skipped(/no store has the data of chunks 0/));
  ground.expectUntouched(1);
});

test('data without a row, between two others: found by its key and archived', async () => {
  const bytes = ground.trace(1, 2 * chunkBytes + 9);
  ground.rows.chunks.delete(ground.rows.chunksOf(1)[1]!.id);
  expect(await ground.archive(1)).toEqual([{ kind: 'done' }]);
  ground.expectArchived(1, bytes);
});

test('a wrong data_store: found in the other store and archived', async () => {
  const bytes = ground.trace(1, chunkBytes + 9);
  const [first, second] = ground.rows.chunksOf(1);
  ground.rows.chunks.set(first!.id, { ...first!, store: 3 });
  ground.rows.chunks.set(second!.id, { ...second!, store: 2 });
  expect(await ground.archive(1)).toEqual([{ kind: 'done' }]);
  ground.expectArchived(1, bytes);
});

test('the copy that a flush left behind in Redis goes, too', async () => {
  const bytes = ground.trace(1, 50, () => 3);
  ground.traceChunks.data.set(chunkRedisKey(1, 0), bytes);
  expect(await ground.archive(1)).toEqual([{ kind: 'done' }]);
  ground.expectArchived(1, bytes);
});

test.each<[string, number, number]>([
  ['a short chunk that is not the last', 0, 100],
  ['a chunk that is too long', 1, chunkBytes + 1],
])('sizes that do not fit, %s: left and reported', async (_case, index, length) => {
  ground.trace(1, chunkBytes + 9);
  ground.put(ground.rows.chunksOf(1)[index]!, bytesOf(1, 0, length));
  expect(await ground.archive(1)).toEqual(
    skipped(new RegExp(`chunk ${index} has ${length} bytes`)),
  );
  ground.expectUntouched(1);
  expect(ground.rows.chunksOf(1)).toHaveLength(2);
  expect(ground.lines).toContainEqual(expect.objectContaining({ event: 'trace.left' }));
});

test('the runner’s checksum differs (hex): waits, and is archived and logged when nothing has come', async () => {
  const bytes = ground.trace(1, 300);
  ground.pending(1, bytes, 'deadbeef');
  expect(await ground.archive(1)).toEqual(skipped(/checksum/));
  ground.expectUntouched(1, bytes);
  ground.nowMs += 24 * hourMs;
  expect(await ground.archive(1)).toEqual([{ kind: 'done' }]);
  ground.expectArchived(1, bytes);
  expect(ground.lines).toContainEqual(
    expect.objectContaining({ event: 'trace.archived-with-faults' }),
  );
});

test('a chunk’s own checksum differs (decimal): waits, unless the runner’s covers it', async () => {
  const bytes = ground.trace(1, 300, () => 3);
  const chunk = ground.rows.chunksOf(1)[0]!;
  ground.rows.chunks.set(chunk.id, { ...chunk, checksum: '12345' });
  expect(await ground.archive(1)).toEqual(skipped(/checksum/));
  ground.expectUntouched(1, bytes);
  ground.pending(1, bytes); // appended after the flush: the runner's checksum covers all bytes
  expect(await ground.archive(1)).toEqual([{ kind: 'done' }]);
  ground.expectArchived(1, bytes);
});

test('within the window, live or untold: settles in place; flushed and agreed: at once', async () => {
  ground.nowMs = record(1).value.finishedAtMs + rules.settleMs - 1;
  const live = ground.trace(1, 10);
  ground.pending(1, live);
  ground.trace(2, 10, () => 3);
  const agreed = ground.trace(3, 10, () => 3);
  ground.pending(3, agreed);
  const outcomes = await ground.archive(1, 2, 3);
  expect(outcomes.map(({ kind }) => kind)).toEqual(['retry', 'retry', 'done']);
  ground.expectUntouched(1, live);
  ground.nowMs += 1;
  expect((await ground.archive(1, 2)).map(({ kind }) => kind)).toEqual(['done', 'done']);
});

test('an unavailable store is asked once, not once for each trace, and adds no log line of its own', async () => {
  for (const id of [1, 2, 3]) ground.trace(id, 40 * chunkBytes);
  let asked = 0;
  const away = new S3Error('S3 is away', 'unavailable', 'ECONNREFUSED', undefined, undefined);
  const objects = Object.assign(Object.create(ground.objects) as typeof ground.objects, {
    put: () => {
      asked += 1;
      return Promise.reject(away);
    },
  });
  const outcomes = await ground.archiver({ objects })(record(1), record(2), record(3));
  expect(outcomes).toEqual([1, 2, 3].map(() => ({ kind: 'retry', error: away })));
  expect(asked).toBe(1);
  expect(ground.lines).toEqual([]);
  expect((await ground.archive(1, 2, 3)).map(({ kind }) => kind)).toEqual(['done', 'done', 'done']);
});
