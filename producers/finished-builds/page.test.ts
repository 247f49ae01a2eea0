import fc from 'fast-check';
import { pageOf } from '../../test/support/records/finished-builds';
import { compareCursors, cursorAtStart, settlePage, type Cursor } from './page';

const builds = (...ids: number[]) => ids.map((buildId) => ({ buildId, due: null }));

test('a full page moves to its last build, due or not', () => {
  const cursor = { partitionId: 100, buildId: 3 };
  const settled = settlePage(cursor, { builds: builds(5, 9), nextPartitionId: null }, 2);
  expect(settled).toEqual({ cursor: { partitionId: 100, buildId: 9 }, complete: false });
});

test('a page that is not full ends its partition_id, and the last one ends the pass', () => {
  const cursor = { partitionId: 100, buildId: 3 };
  const page = { builds: builds(5), nextPartitionId: 102 };
  expect(settlePage(cursor, page, 2)).toEqual({
    cursor: { partitionId: 102, buildId: 0 },
    complete: false,
  });
  expect(settlePage(cursor, { ...page, nextPartitionId: null }, 2)).toEqual({
    cursor: { partitionId: 100, buildId: 5 },
    complete: true,
  });
});

const world = fc.uniqueArray(
  fc.record({
    partitionId: fc.constantFrom(100, 101, 105),
    buildId: fc.integer({ min: 1, max: 60 }),
    isDue: fc.boolean(),
  }),
  { selector: ({ buildId }) => buildId, maxLength: 60 },
);

test('a pass of all slices finds every due build once; a crash repeats at most its page', () => {
  fc.assert(
    fc.property(
      world,
      fc.integer({ min: 1, max: 4 }),
      fc.integer({ min: 1, max: 7 }),
      fc.array(fc.boolean(), { minLength: 200, maxLength: 200 }),
      (known, slices, buildsMax, crashes) => {
        const found = new Map<number, number>();
        let repeated = 0;
        let crashed = 0;
        let turn = 0;
        for (let slice = 0; slice < slices; slice += 1) {
          let cursor: Cursor = cursorAtStart;
          for (let complete = false; !complete; turn += 1) {
            const { partitionId, buildId: afterBuildId } = cursor;
            const read = { partitionId, afterBuildId, slice, slices, buildsMax, ageMs: 0 };
            const page = pageOf(known, read);
            for (const { buildId, due } of page.builds) {
              if (due === null) continue;
              repeated += found.has(buildId) ? 1 : 0;
              found.set(buildId, partitionId);
            }
            // Produced, but killed before the cursor: the page is read again.
            if (crashes[turn] === true) {
              crashed += 1;
              continue;
            }
            const settled = settlePage(cursor, page, buildsMax);
            if (!settled.complete)
              expect(compareCursors(settled.cursor, cursor)).toBeGreaterThan(0);
            ({ cursor, complete } = settled);
          }
        }
        const dueIds = known.filter(({ isDue }) => isDue).map(({ buildId }) => buildId);
        expect([...found.keys()].sort((a, b) => a - b)).toEqual(dueIds.sort((a, b) => a - b));
        expect(repeated).toBeLessThanOrEqual(crashed * buildsMax);
      },
    ),
  );
});
