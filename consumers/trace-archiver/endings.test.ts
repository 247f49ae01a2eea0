/** Traces that would wait for longer than Redis keeps their data. */
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

/** All live data of the build ends after so long. */
function endIn(buildId: number, ms: number): void {
  for (const { index } of ground.rows.chunksOf(buildId)) {
    ground.traceChunks.leftMs.set(chunkRedisKey(buildId, index), ms);
  }
}

const lineOf = (event: string) => ground.lines.filter((line) => line['event'] === event);

/** C1: chunk 0 is shorter, or longer, than a chunk, and not the last. */
function misfitTrace(sizeBytes: number): { head: Buffer; tail: Buffer } {
  const head = bytesOf(1, 0, sizeBytes);
  const tail = bytesOf(2, 0, 5_000);
  ground.build(1);
  ground.chunk(1, 0, 4, head);
  ground.chunk(1, 1, 4, tail);
  return { head, tail };
}

describe.each([120_000, chunkBytes - 1, chunkBytes + 1])('a first chunk of %i bytes', (size) => {
  test('waits, and is archived with all its bytes and a marker when nothing has come', async () => {
    const { head, tail } = misfitTrace(size);
    for (const waitedMs of [0, 12 * hourMs, 0]) {
      ground.nowMs += waitedMs;
      expect(await ground.archive(1)).toEqual(
        skipped(
          `chunk 0 has ${size} bytes${size > chunkBytes ? ', more than a chunk' : ', and is not the last'}`,
        ),
      );
    }
    ground.nowMs += 12 * hourMs;
    expect(await ground.archive(1)).toEqual([{ kind: 'done' }]);
    const object = ground.objectOf(1)!;
    expect(object.subarray(0, size).equals(head)).toBe(true);
    expect(object.subarray(-5_000).equals(tail)).toBe(true);
    expect(object.toString('latin1')).toContain(`chunk 0 of this log has ${size} bytes`);
    if (size === 120_000) expect(object).toHaveLength(chunkBytes + 5_000);
    expect(ground.rows.chunksOf(1)).toEqual([]);
    expect(ground.chunkKeys()).toEqual([]);
  });

  test('is archived at once when Redis would drop its data before the next look', async () => {
    const { head, tail } = misfitTrace(size);
    endIn(1, rules.saveBeforeMs - 1);
    expect(await ground.archive(1)).toEqual([{ kind: 'done' }]);
    const object = ground.objectOf(1)!;
    expect(object.subarray(0, size).equals(head)).toBe(true);
    expect(object.subarray(-5_000).equals(tail)).toBe(true);
    expect(lineOf('trace.archived-with-faults')).toHaveLength(1);
  });

  test('that was archived with a marker, and whose chunks a crash has left, is finished', async () => {
    misfitTrace(size);
    endIn(1, 1_000);
    const crash = ground.archiver({
      reach: (step) => {
        if (step === 'archiver.rows-committed') throw new Error('the process dies here');
      },
    });
    await expect(crash(record(1))).rejects.toThrow('dies here');
    const stored = Buffer.from(ground.objectOf(1)!);
    ground.leases.held.clear();
    expect(await ground.archive(1)).toEqual([{ kind: 'done' }]);
    expect(ground.objectOf(1)?.equals(stored)).toBe(true);
    expect([ground.rows.chunksOf(1), ground.chunkKeys()]).toEqual([[], []]);
  });
});

test('a trace over ARCHIVE_BYTES_MAX is left, shown with the time it has, and archived before its data ends', async () => {
  const bytes = ground.trace(1, 3 * chunkBytes + 7);
  const archive = ground.archiver({ rules: { ...rules, bytesMax: 2 * chunkBytes } });
  endIn(1, 48 * hourMs);
  expect(await archive(record(1))).toEqual(skipped('longer than ARCHIVE_BYTES_MAX'));
  expect(ground.ending.get(1)).toMatchObject({
    endsAtMs: ground.nowMs + 48 * hourMs,
    isKept: true,
  });
  expect(lineOf('trace.left')).toContainEqual(expect.objectContaining({ endsInMs: 48 * hourMs }));
  endIn(1, 23 * hourMs);
  expect(await archive(record(1))).toEqual([{ kind: 'done' }]);
  ground.expectArchived(1, bytes);
  expect(ground.ending.size).toBe(0);
});

test('a lost chunk is not waited for when the others would end first', async () => {
  const bytes = ground.trace(1, 2 * chunkBytes + 9);
  ground.lose(ground.rows.chunksOf(1)[1]!);
  endIn(1, hourMs);
  expect(await ground.archive(1)).toEqual([{ kind: 'done' }]);
  const object = ground.objectOf(1)!;
  expect(object.subarray(0, chunkBytes).equals(bytes.subarray(0, chunkBytes))).toBe(true);
  expect(object.subarray(2 * chunkBytes).equals(bytes.subarray(2 * chunkBytes))).toBe(true);
});

test('bytes that the runner’s checksum misses are not waited for longer than the data lasts', async () => {
  const bytes = ground.trace(1, 300);
  ground.pending(1, bytes, 'deadbeef');
  endIn(1, hourMs);
  expect(await ground.archive(1)).toEqual([{ kind: 'done' }]);
  ground.expectArchived(1, bytes);
});

test('data that cannot be archived beside GitLab’s row is kept for longer, up to a limit that is reported', async () => {
  const bytes = ground.trace(1, 300);
  ground.gitlabRow(1, 300);
  endIn(1, hourMs);
  expect(await ground.archive(1)).toEqual(skipped(/not yet its object/));
  const key = chunkRedisKey(1, 0);
  expect(ground.traceChunks.leftMs.get(key)).toBe(rules.keepMs);
  expect(ground.ending.get(1)).toMatchObject({ isKept: true });

  ground.nowMs += rules.keepUntilMs;
  endIn(1, hourMs);
  expect(await ground.archive(1)).toEqual(skipped(/not yet its object/));
  expect(ground.traceChunks.leftMs.get(key)).toBe(hourMs);
  expect(ground.ending.get(1)).toMatchObject({ isKept: false });
  expect(lineOf('trace.ends')).toContainEqual(expect.objectContaining({ endsInMs: hourMs }));
  expect(ground.readTrace(1) ?? ground.traceChunks.data.get(key)).toEqual(bytes);
});

test('data without an end is not asked to be saved', async () => {
  misfitTrace(120_000);
  expect(await ground.archive(1)).toEqual(skipped(/chunk 0 has 120000 bytes/));
  expect(ground.ending.size).toBe(0);
  ground.expectUntouched(1);
});
