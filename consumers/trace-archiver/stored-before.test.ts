/** An object that an earlier attempt stored, no row claims, and that has what the chunks lack: it is never given up. */
import fc from 'fast-check';
import { chunkBytes } from '../../lib/gitlab/trace-chunks';
import {
  bytesOf,
  hourMs,
  ourKey,
  record,
  skipped,
  TraceGround,
} from '../../test/support/memory/trace-archive';

const sizeBytes = 2 * chunkBytes + 9;
const again = { maybeRepeated: true };

let ground: TraceGround;
let bytes: Buffer;
beforeEach(() => {
  ground = new TraceGround();
  bytes = ground.trace(1, sizeBytes);
});

const store = (object: Buffer): void => void ground.objects.objects.set(ourKey(1), object);
const lose = (...indexes: number[]): void =>
  indexes.forEach((index) => ground.lose(ground.rows.chunksOf(1)[index]!));
const archive = (change: Partial<ReturnType<typeof record>> = {}) =>
  ground.archiver()(record(1, change));

describe.each([
  ['a first record', {}],
  ['a repeated one', again],
])('after a crash between object and row, %s', (_case, change) => {
  test.each<[string, number[]]>([
    ['all chunk data', [0, 1, 2]],
    ['some of it', [1]],
    ['the last of it', [2]],
  ])('%s is lost: the object gets its row', async (_what, lost) => {
    store(bytes);
    lose(...lost);
    expect(await archive(change)).toEqual([{ kind: 'done' }]);
    ground.expectArchived(1, bytes);
  });

  test('chunk data is lost, and more has come behind the object: it is appended', async () => {
    store(bytes.subarray(0, 2 * chunkBytes));
    lose(0);
    expect(await archive(change)).toEqual([{ kind: 'done' }]);
    ground.expectArchived(1, bytes);
  });

  test('Redis was set back, so that the chunks are shorter than the object: it gets its row', async () => {
    store(bytes);
    ground.put(ground.rows.chunksOf(1)[2]!, bytes.subarray(2 * chunkBytes, 2 * chunkBytes + 4));
    expect(await archive(change)).toEqual([{ kind: 'done' }]);
    ground.expectArchived(1, bytes);
  });

  test.each<[string, Buffer, number[], RegExp]>([
    ['ends before what is lost', bytesOf(1, 0, chunkBytes), [2], /chunk 2, and the object/],
    ['is not what the chunks have', Buffer.alloc(sizeBytes, 'x'), [2], /is not what the archived/],
  ])('the object %s: both stay, however often it is read', async (_what, object, lost, reason) => {
    store(object);
    lose(...lost);
    for (let day = 0; day < 4; day += 1) {
      expect(await archive(change)).toEqual(skipped(reason));
      ground.nowMs += 25 * hourMs;
    }
    expect(ground.objectOf(1)?.equals(object)).toBe(true);
    expect(ground.rows.chunksOf(1)).toHaveLength(3);
  });
});

test('a trace that waits for its checksum keeps the object, and so does one of a build that has not finished', async () => {
  store(bytes);
  ground.pending(1, bytes, 'ffffffff');
  expect(await archive(again)).toEqual(skipped(/checksum/));
  ground.build(1, { status: 'running' });
  expect(await archive(again)).toEqual(skipped('the build has not finished'));
  expect(ground.objectOf(1)?.equals(bytes)).toBe(true);
});

test.each<[string, number, string | RegExp]>([
  ['has as much', sizeBytes, 'archived already'],
  ['lacks bytes', sizeBytes - 1, /longer than GitLab’s object/],
])(
  'GitLab has archived the trace and %s: ours goes only if nothing is lost by that',
  async (_what, theirs, reason) => {
    store(bytes);
    for (const chunk of ground.rows.chunksOf(1)) {
      ground.lose(chunk);
      ground.rows.chunks.delete(chunk.id);
    }
    ground.gitlabRow(1, theirs);
    expect(await archive(again)).toEqual(skipped(reason));
    expect(ground.objectOf(1)?.equals(bytes)).toBe(theirs === sizeBytes ? undefined : true);
  },
);

test('GitLab archives the rest of a trace while ours is stored: ours stays while it has more', async () => {
  store(bytes);
  lose(0, 1);
  const key = ground.gitlabRow(1, 9);
  expect(await archive(again)).toEqual(skipped(/not yet its object/));
  ground.objects.objects.set(key, bytes.subarray(0, chunkBytes));
  await archive(again);
  expect(ground.objectOf(1)?.equals(bytes)).toBe(true);
});

test('for any loss of chunks and any stored object no byte that could be read is given up', async () => {
  const cases = fc.record({
    stored: fc.constantFrom(0, 5, chunkBytes, chunkBytes + 7, 2 * chunkBytes, sizeBytes),
    lost: fc.subarray([0, 1, 2]),
    cut: fc.constantFrom(0, 4),
    records: fc.array(fc.boolean(), { minLength: 1, maxLength: 5 }),
  });
  await fc.assert(
    fc.asyncProperty(cases, async ({ stored, lost, cut, records }) => {
      ground = new TraceGround();
      bytes = ground.trace(1, sizeBytes);
      if (stored > 0) store(bytes.subarray(0, stored));
      const [, , last] = ground.rows.chunksOf(1);
      ground.put(last!, bytes.subarray(2 * chunkBytes, sizeBytes - cut));
      lose(...lost);
      const before = readable();
      for (const maybeRepeated of records) {
        await archive({ maybeRepeated });
        ground.nowMs += 25 * hourMs;
      }
      const after = readable();
      const missed = before.filter((at) => !after.includes(at));
      expect(missed).toEqual([]);
    }),
  );
});

/** Offsets of the trace that the object or the chunks have rightly: a few of each chunk, its ends among them. */
function readable(): number[] {
  const object = ground.objectOf(1);
  const chunks = ground.rows.chunksOf(1);
  const looked = [0, 4, 5, 6, chunkBytes - 1].flatMap((at) =>
    [0, 1, 2].map((index) => index * chunkBytes + at),
  );
  return [...looked, sizeBytes - 4, sizeBytes - 1].filter((at) => {
    if (at >= sizeBytes) return false;
    const chunk = chunks.find(({ index }) => index === Math.floor(at / chunkBytes));
    const data = chunk && ground.dataOf(chunk);
    return object?.[at] === bytes[at] || data?.[at % chunkBytes] === bytes[at];
  });
}
