import fc from 'fast-check';
import { artifactObjectKey } from '../../lib/gitlab/object-key';
import { traceKey } from '../../lib/gitlab/trace-key';
import {
  artifact,
  deleter,
  finalPath,
  legacy,
  record,
  stored,
} from '../../test/support/memory/artifact-deletion';
import { hostileRecords } from '../../test/support/records/hostile-records';
import { rowsWithoutObject } from '../../test/support/memory/memory-artifacts';

const living = (...artifacts: Parameters<typeof stored>[0]) =>
  stored(artifacts, { locked: 1, expireAtMs: null });

test.each([
  ['hashed key', artifact(1)],
  ['legacy key', legacy(1, 50)],
  ['final path', artifact(1, { fileFinalPath: finalPath(1) })],
])(
  'a record of no row whose final path is the %s of a living artifact deletes nothing',
  async (_, one) => {
    const stores = living(one);
    const forged = artifact(999, { fileFinalPath: artifactObjectKey(one) });
    await deleter(stores).handle(record([forged]));
    expect(rowsWithoutObject(stores.rows, stores.objects)).toEqual([]);
  },
);

test('a final path below the hash of another project is refused, with or without a row that claims it', async () => {
  const one = artifact(1, { projectId: 2, fileFinalPath: finalPath(1) });
  const stores = living();
  stores.objects.keys.add(finalPath(1));
  const { handle, lines } = deleter(stores);
  expect(await handle(record([one]))).toEqual([{ kind: 'skip', reason: 'unusable object key' }]);
  expect(lines.at(-1)).toMatchObject({ event: 'artifacts.unusable-key', ids: [1] });
  expect(stores.objects.keys.size).toBe(1);
});

test('an artifact that is named twice speaks only for the key of its row', async () => {
  const due = artifact(1);
  const stores = stored([due]);
  const victim = artifact(2, { fileFinalPath: finalPath(2) });
  stores.rows.rows.set(2, { ...victim, partitionId: 100, locked: 1, expireAtMs: null });
  stores.objects.keys.add(finalPath(2));
  const forged = artifact(1, { fileFinalPath: finalPath(2) });
  await deleter(stores).handle(record([due]), record([forged]));
  expect([...stores.rows.rows.keys()]).toEqual([2]);
  expect([...stores.objects.keys]).toEqual([finalPath(2)]);
});

test('the object of a trace whose row has not committed yet stays, with any content of a record', async () => {
  const key = traceKey({ partitionId: 100, buildId: 109, projectId: 1 });
  const stores = living();
  stores.objects.keys.add(key);
  const { handle, lines, aside } = deleter(stores);
  const forged = artifact(999, { jobId: 109, fileFinalPath: key });
  expect(await handle(record([forged]))).toEqual([{ kind: 'skip', reason: 'unusable object key' }]);
  expect([...stores.objects.keys]).toEqual([key]);
  expect(lines.at(-1)).toMatchObject({ event: 'artifacts.unusable-key', ids: [999] });
  expect(aside).toEqual(['100:999 object_key']);
});

test('no record, with any fields, shapes, sources and headers, deletes an object that a row claims, or is about to claim for a trace', async () => {
  const all = [
    ...[artifact(1), artifact(2, { projectId: 2 }), artifact(3, { file: null })],
    ...[legacy(4, 50), { ...legacy(5, 50), file: 'other.zip' }, legacy(6, 51)],
    ...[7, 8].map((id) => artifact(id, { fileFinalPath: finalPath(id) })),
    artifact(9, { fileFinalPath: traceKey({ partitionId: 100, buildId: 109, projectId: 1 }) }),
  ];
  // Between the archiver's upload and its commit no row speaks for a trace; its key can be computed.
  const uncommitted = traceKey({ partitionId: 100, buildId: 110, projectId: 1 });
  const named = [...all, artifact(10, { jobId: 110, fileFinalPath: uncommitted })];
  const known = { artifacts: named, absentIds: [90, 91, 92], partitionIds: [100, 101] };
  const dueIds = fc.subarray(all.map(({ id }) => id));
  const goneIds = fc.subarray(all.map(({ id }) => id));
  await fc.assert(
    fc.asyncProperty(hostileRecords(known), dueIds, goneIds, async (records, due, gone) => {
      const stores = stored(all);
      stores.objects.keys.add(uncommitted);
      for (const [id, row] of stores.rows.rows) {
        if (gone.includes(id)) stores.rows.rows.delete(id);
        else if (!due.includes(id)) stores.rows.rows.set(id, { ...row, locked: 1 });
      }
      const { handle } = deleter(stores);
      await handle(...records);
      await handle(...records); // delivered again: deleted rows are gone by then
      expect(rowsWithoutObject(stores.rows, stores.objects)).toEqual([]);
      expect(stores.objects.keys.has(uncommitted)).toBe(true);
      const left = all.filter(({ id }) => !due.includes(id) && !gone.includes(id));
      expect([...stores.rows.rows.keys()]).toEqual(
        expect.arrayContaining(left.map(({ id }) => id)),
      );
    }),
    { numRuns: 1_000 },
  );
});
