/** The README's cases of a trace that others change, have changed, or archive themselves. */
import { chunkBytes } from '../../lib/gitlab/trace-chunks';
import { unmarkedTraceKey } from '../../lib/gitlab/trace-key';
import type { Step } from '../../lib/process/steps';
import {
  bytesOf,
  hourMs,
  ourKey,
  ownerOf,
  record,
  skipped,
  TraceGround,
} from '../../test/support/memory/trace-archive';

let ground: TraceGround;
beforeEach(() => {
  ground = new TraceGround();
});

/** Does `act` once, when the archiver reaches the step. */
function meanwhile(step: Step, act: () => void) {
  let isDone = false;
  const reach = (reached: Step): void => {
    if (reached !== step || isDone) return;
    isDone = true;
    act();
  };
  return ground.archiver({ reach });
}

const append = (id: number, index: number, bytes: Buffer): void => {
  const chunk = ground.rows.chunksOf(id).find((one) => one.index === index);
  if (chunk) ground.put(chunk, Buffer.concat([ground.dataOf(chunk) ?? Buffer.alloc(0), bytes]));
  else ground.chunk(id, index, 4, bytes);
};

test.each<[string, Step]>([
  ['before', 'archiver.leases-taken'],
  ['during', 'archiver.traces-stored'],
  ['after', 'archiver.rows-committed'],
])('a late append %s the archive: every byte is in the object', async (_case, step) => {
  const bytes = ground.trace(1, 500);
  const late = bytesOf(1, 500, 70);
  expect(await meanwhile(step, () => append(1, 0, late))(record(1))).toEqual([{ kind: 'done' }]);
  ground.expectArchived(1, Buffer.concat([bytes, late]));
});

test('a late append that begins a new chunk after all is done extends the object', async () => {
  const bytes = ground.trace(1, chunkBytes);
  const late = bytesOf(1, chunkBytes, 70);
  expect(await ground.archive(1)).toEqual([{ kind: 'done' }]);
  append(1, 1, late);
  expect(await ground.archive(1)).toEqual([{ kind: 'done' }]);
  ground.expectArchived(1, Buffer.concat([bytes, late]));
});

test('a trace that a version before marked keys has archived is finished and extended where its row says', async () => {
  const bytes = ground.trace(1, 2 * chunkBytes);
  await ground.archive(1);
  const key = unmarkedTraceKey(ownerOf(1));
  const row = ground.rows.artifacts.get(1)!;
  ground.rows.artifacts.set(1, { ...row, fileFinalPath: key });
  ground.objects.objects.set(key, ground.objectOf(1)!);
  ground.objects.objects.delete(ourKey(1));
  append(1, 1, bytes.subarray(chunkBytes)); // a crash before the chunks went
  append(1, 2, bytesOf(1, 2 * chunkBytes, 70));
  ground.chunk(1, 0, 4, bytes.subarray(0, chunkBytes));
  expect(await ground.archive(1)).toEqual([{ kind: 'done' }]);
  const whole = bytesOf(1, 0, 2 * chunkBytes + 70);
  expect([...ground.objects.objects.keys()]).toEqual([key]);
  expect(ground.readTrace(1)?.equals(whole)).toBe(true);
  expect([ground.rows.chunksOf(1), ground.chunkKeys()]).toEqual([[], []]);
});

test('a chunk that does not join the archived object: left and reported', async () => {
  ground.trace(1, 100);
  await ground.archive(1);
  append(1, 1, bytesOf(1, chunkBytes, 70));
  expect(await ground.archive(1)).toEqual(skipped(/does not join/));
  expect(ground.objectOf(1)?.length).toBe(100);
});

test.each<Step>(['archiver.leases-taken', 'archiver.traces-stored'])(
  'a flush at %s: read again, archived once',
  async (step) => {
    const bytes = ground.trace(1, 500);
    const flush = () => {
      const [chunk] = ground.rows.chunksOf(1);
      ground.lose(chunk!);
      const flushed = { ...chunk!, store: 3, lockVersion: 1 };
      ground.rows.chunks.set(chunk!.id, flushed);
      ground.put(flushed, bytes);
    };
    expect(await meanwhile(step, flush)(record(1))).toEqual([{ kind: 'done' }]);
    ground.expectArchived(1, bytes);
    expect(ground.objects.puts).toBe(1);
  },
);

test('an erased build gets no archive, and loses the object of an earlier attempt', async () => {
  ground.build(1, { isErased: true });
  ground.objects.objects.set(ourKey(1), Buffer.from('earlier'));
  expect(await ground.archive(1)).toEqual(skipped('the build was erased'));
  ground.expectUntouched(1);
});

test.each<[string, (id: number) => void]>([
  ['erased', (id) => (ground.rows.builds.get(id)!.isErased = true)],
  ['deleted', (id) => ground.rows.deleteBuild(id)],
])('%s after the upload: left out, and our object is taken back', async (_case, change) => {
  ground.trace(1, 500);
  const outcome = await meanwhile('archiver.traces-stored', () => change(1))(record(1));
  expect(outcome).toEqual(skipped('the build was erased or deleted'));
  expect(ground.objectOf(1)).toBeUndefined();
  expect(ground.rows.artifacts.size).toBe(0);
});

test('a deleted build: the object of an earlier attempt goes, but not on an accepted database', async () => {
  ground.objects.objects.set(ourKey(1), Buffer.from('earlier'));
  ground.verdict = { kind: 'older-history' };
  expect(await ground.archive(1)).toEqual(skipped('the build is gone'));
  expect(ground.objectOf(1)).toBeDefined();
  ground.verdict = { kind: 'same-history' };
  expect(await ground.archive(1)).toEqual(skipped('the build is gone'));
  ground.expectUntouched(1);
});

test('GitLab’s row with its whole object: left alone, and ours is dropped', async () => {
  const bytes = ground.trace(1, chunkBytes + 500);
  const theirs = ground.gitlabRow(1, bytes.length);
  ground.objects.objects.set(theirs, bytes);
  ground.objects.objects.set(ourKey(1), bytes);
  expect(await ground.archive(1)).toEqual(skipped('archived by GitLab'));
  ground.expectUntouched(1, bytes);
  expect(ground.rows.chunksOf(1)).toHaveLength(2);
});

test.each<[string, (bytes: Buffer) => Buffer]>([
  ['shorter', (bytes) => bytes.subarray(0, 99)],
  ['of other bytes', (bytes) => Buffer.alloc(bytes.length)],
])('GitLab’s row with an object that is %s: left and reported', async (_case, damage) => {
  const bytes = ground.trace(1, 500);
  ground.objects.objects.set(ground.gitlabRow(1, bytes.length), damage(bytes));
  expect(await ground.archive(1)).toEqual(skipped(/./));
  expect(ground.lines).toContainEqual(expect.objectContaining({ event: 'trace.left' }));
  expect([ground.rows.chunksOf(1).length, ground.traceChunks.data.size]).toEqual([1, 1]);
  ground.expectUntouched(1);
});

test('GitLab’s row without its object: waits 24 hours, then the row is adopted', async () => {
  const bytes = ground.trace(1, 500);
  ground.gitlabRow(1, bytes.length, 24 * hourMs - 1);
  expect(await ground.archive(1)).toEqual(skipped('GitLab has its row, but not yet its object'));
  ground.expectUntouched(1);
  const row = ground.rows.artifacts.get(1)!;
  ground.rows.artifacts.set(1, { ...row, ageMs: 24 * hourMs });
  expect(await ground.archive(1)).toEqual([{ kind: 'done' }]);
  ground.expectArchived(1, bytes);
  expect(ground.rows.artifacts.get(1)?.id).toBe(row.id);
});

test('GitLab’s row comes after our upload: ours is taken back', async () => {
  const bytes = ground.trace(1, 500);
  const theirs = () => void ground.gitlabRow(1, bytes.length);
  const outcome = await meanwhile('archiver.traces-stored', theirs)(record(1));
  expect(outcome).toEqual(skipped('GitLab has its row, but not yet its object'));
  ground.expectUntouched(1);
});

test('an object at our key with other bytes and no row: written over by what was read after it was seen', async () => {
  const bytes = ground.trace(1, 500);
  ground.objects.objects.set(ourKey(1), Buffer.from('of an attempt before a late append'));
  expect(await ground.archive(1)).toEqual([{ kind: 'done' }]);
  ground.expectArchived(1, bytes);
});

test('an object at our key with the same bytes and no row: used as it is', async () => {
  const bytes = ground.trace(1, 500);
  ground.objects.objects.set(ourKey(1), bytes);
  expect(await ground.archive(1)).toEqual([{ kind: 'done' }]);
  ground.expectArchived(1, bytes);
  expect(ground.objects.puts).toBe(0);
});

test('our row with an object of other bytes: left and reported', async () => {
  ground.trace(1, 500);
  await ground.archive(1);
  ground.chunk(1, 0, 4, bytesOf(2, 0, 500));
  expect(await ground.archive(1)).toEqual(skipped(/is not what the archived object has there/));
  expect(ground.traceChunks.data.size).toBe(1);
});

test('our row whose object is missing: stored again from chunks that are whole, else left', async () => {
  const bytes = ground.trace(1, 500);
  const stop = (step: Step): void => {
    if (step === 'archiver.rows-committed') throw new Error('killed');
  };
  await expect(ground.archiver({ reach: stop })(record(1))).rejects.toThrow('killed');
  ground.objects.objects.delete(ourKey(1));
  expect(await ground.archive(1)).toEqual([{ kind: 'done' }]);
  ground.expectArchived(1, bytes);
});

test('over the size limit: left and reported', async () => {
  ground.build(1);
  ground.chunk(1, 50, 4, bytesOf(1, 0, 10));
  expect(await ground.archive(1)).toEqual(skipped('longer than ARCHIVE_BYTES_MAX'));
  ground.expectUntouched(1);
});

test('two records for one build, side by side or one after the other: one object, one row', async () => {
  const bytes = ground.trace(1, 500);
  expect(await ground.archive(1, 1)).toEqual([{ kind: 'done' }, { kind: 'done' }]);
  expect(await ground.archive(1)).toEqual(skipped('archived already'));
  ground.expectArchived(1, bytes);
  expect(ground.objects.puts).toBe(1);
});

test('two records for one build in two processes: the lease lets one work', async () => {
  const bytes = ground.trace(1, 500);
  const [other, outcomes] = [ground.archiver(), [] as Promise<unknown>[]];
  const reach = (step: Step): void => {
    if (step === 'archiver.traces-stored') outcomes.push(other(record(1)));
  };
  expect(await ground.archiver({ reach })(record(1))).toEqual([{ kind: 'done' }]);
  expect(await Promise.all(outcomes)).toMatchObject([[{ kind: 'retry' }]]);
  ground.expectArchived(1, bytes);
});
