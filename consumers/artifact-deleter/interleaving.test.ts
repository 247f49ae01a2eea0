import fc from 'fast-check';
import { artifactObjectKey } from '../../lib/gitlab/object-key';
import type { Step } from '../../lib/process/steps';
import {
  artifact,
  deleter,
  deleterSteps,
  finalPath,
  legacy,
  record,
  stored,
} from '../../test/support/memory/artifact-deletion';
import {
  type MemoryRow,
  objectsWithoutRow,
  rowsWithoutObject,
} from '../../test/support/memory/memory-artifacts';

/** A change that GitLab, or time, may make to an artifact at any moment. */
type Meddling = 'lock' | 'extend' | 'delete' | 'move' | 'rename';

function meddle(stores: ReturnType<typeof stored>, what: Meddling, id: number): void {
  const row = stores.rows.rows.get(id);
  if (!row) return;
  const key = artifactObjectKey(row)!;
  if (what === 'delete') {
    stores.rows.rows.delete(id);
    return; // GitLab's own removal of the object comes later, or never
  }
  const change: Partial<MemoryRow> =
    what === 'lock'
      ? { locked: 1 }
      : what === 'extend'
        ? { expireAtMs: 9_000 }
        : what === 'move'
          ? { partitionId: 101 }
          : { file: 'renamed.zip' };
  stores.rows.rows.set(id, { ...row, ...change });
  if (what !== 'rename') return;
  stores.objects.keys.delete(key);
  stores.objects.keys.add(artifactObjectKey({ ...row, file: 'renamed.zip' })!);
}

test('with any change of GitLab in between, and a crash at any step, no row loses its object', async () => {
  const event = fc.record({
    at: fc.constantFrom(...deleterSteps),
    what: fc.constantFrom<Meddling>('lock', 'extend', 'delete', 'move', 'rename'),
    id: fc.integer({ min: 1, max: 6 }),
  });
  const crashAt = fc.option(fc.constantFrom(...deleterSteps));
  await fc.assert(
    fc.asyncProperty(fc.array(event, { maxLength: 8 }), crashAt, async (events, crash) => {
      const all = [1, 2, 3].map((id) => artifact(id));
      all.push(legacy(4, 77), legacy(5, 78), artifact(6, { fileFinalPath: finalPath(6) }));
      const stores = stored(all);
      let crashed = false;
      const reach = (step: Step) => {
        for (const { at, what, id } of events) if (at === step) meddle(stores, what, id);
        if (step !== crash || crashed) return;
        crashed = true;
        throw new Error('killed');
      };
      const deliver = () => deleter(stores, { reach }).handle(record(all));
      await deliver().catch(deliver);
      expect(rowsWithoutObject(stores.rows, stores.objects)).toEqual([]);
      // Once quiet, and after one more delivery of the record, nothing is left behind.
      await deleter(stores).handle(record(all));
      expect(rowsWithoutObject(stores.rows, stores.objects)).toEqual([]);
      const orphans = objectsWithoutRow(stores.rows, stores.objects);
      const renamed = orphans.filter((key) => key.endsWith('renamed.zip'));
      expect(orphans).toEqual(renamed); // GitLab deleted it under a key that the record does not know
    }),
    { numRuns: 300 },
  );
});
