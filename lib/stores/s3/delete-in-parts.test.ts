import { assert, asyncProperty, integer, uniqueArray } from 'fast-check';
import { deleteInParts } from './delete-in-parts';
import { incompleteAnswer, nothingKnown, S3Error } from './errors';

const refused = new S3Error('x', 'refused', 'MalformedXML', 400, undefined);

/** A store that refuses a whole request for one of these keys. */
function store(bad: ReadonlySet<string>, error: S3Error = refused) {
  const asked: (readonly string[])[] = [];
  const gone = new Set<string>();
  const probes: number[] = [];
  return {
    asked,
    gone,
    probes,
    calls: {
      together: (keys: readonly string[]) => {
        asked.push(keys);
        if (keys.some((key) => bad.has(key))) return Promise.reject(error);
        for (const key of keys) gone.add(key);
        return Promise.resolve([]);
      },
      alone: (key: string) => {
        gone.add(key);
        asked.push([key]);
        return Promise.resolve(undefined);
      },
      probe: () => {
        probes.push(asked.length);
        return Promise.resolve();
      },
    },
  };
}

const keysOf = (count: number): string[] =>
  Array.from({ length: count }, (_, index) => `key/${index}`);

test('a request is split until each refused key is alone; the others go together', async () => {
  const cases = uniqueArray(integer({ min: 0, max: 999 }), { maxLength: 8 });
  await assert(
    asyncProperty(cases, integer({ min: 1, max: 1_000 }), async (at, count) => {
      const keys = keysOf(count);
      const bad = new Set(at.flatMap((index) => keys[index] ?? []));
      const { calls, gone, asked, probes } = store(bad);
      expect(await deleteInParts(keys, calls)).toEqual([]);
      expect([...gone].sort()).toEqual([...keys].sort());
      expect(asked.length).toBeLessThanOrEqual(
        1 + bad.size * (2 * Math.ceil(Math.log2(count)) + 1),
      );
      expect(probes.length).toBe(bad.size > 0 ? 1 : 0);
    }),
    { numRuns: 50 },
  );
});

test('an answer that left out a key is asked for in parts as well', async () => {
  const error = nothingKnown('DeleteObjects', 'part', undefined, incompleteAnswer);
  const { calls, gone } = store(new Set(['key/3']), error);
  expect(await deleteInParts(keysOf(8), calls)).toEqual([]);
  expect(gone.size).toBe(8);
});

test('when keys of our own are refused, too, nothing is split', async () => {
  const { calls, asked } = store(new Set(['key/3']));
  const unfit = new S3Error('y', 'unfit', 'MalformedXML', 400, undefined);
  const work = deleteInParts(keysOf(8), { ...calls, probe: () => Promise.reject(unfit) });
  await expect(work).rejects.toBe(unfit);
  expect(asked.length).toBe(1);
});

test.each([
  nothingKnown('DeleteObjects', 'a page'),
  new S3Error('x', 'refused', 'NoSuchBucket', 404, null),
])('what concerns every request alike is not split: %s', async (error) => {
  const { calls, asked } = store(new Set(['key/3']), error);
  await expect(deleteInParts(keysOf(8), calls)).rejects.toBe(error);
  expect(asked.length).toBe(1);
});

test('a key that XML cannot say has a request of its own, one that nothing can say has none', async () => {
  const { calls, asked } = store(new Set());
  const failed = await deleteInParts(['a', 'odd\ufffe', 'half\ud83c', 'b'], calls);
  expect(asked).toEqual([['a', 'b'], ['odd\ufffe']]);
  expect(failed).toEqual([{ key: 'half\ud83c', code: 'UnsendableKey' }]);
});
