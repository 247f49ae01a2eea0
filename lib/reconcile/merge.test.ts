import fc from 'fast-check';
import { compareKeys, mergeByKey } from './merge';

// eslint-disable-next-line @typescript-eslint/require-await -- the sources are streams elsewhere
async function* stream(keys: readonly string[]) {
  for (const key of keys) yield { key };
}

async function merged(lefts: readonly string[], rights: readonly string[]) {
  const pairs: string[] = [];
  for await (const { left, right } of mergeByKey(stream(lefts), stream(rights))) {
    pairs.push(`${left?.key ?? '-'}|${right?.key ?? '-'}`);
  }
  return pairs;
}

const key = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 4 });

test('each side alone, both, and a key that two rows claim', async () => {
  expect(await merged(['a', 'b', 'b', 'd'], ['b', 'c', 'd', 'e'])).toEqual([
    'a|-',
    'b|b',
    'b|b',
    '-|c',
    'd|d',
    '-|e',
  ]);
});

test('keys sort as their bytes do, also outside of the first plane', () => {
  fc.assert(
    fc.property(key, key, (a, b) => {
      expect(compareKeys(a, b)).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)));
    }),
  );
});

test('a key of only one side is found, for any keys', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uniqueArray(key), fc.uniqueArray(key), async (lefts, rights) => {
      const pairs = await merged(lefts.toSorted(compareKeys), rights.toSorted(compareKeys));
      const expected = [
        ...lefts.map((one) => `${one}|${rights.includes(one) ? one : '-'}`),
        ...rights.filter((one) => !lefts.includes(one)).map((one) => `-|${one}`),
      ];
      expect(pairs.toSorted()).toEqual(expected.toSorted());
    }),
  );
});

test('a side out of order is an error, not a thousand breaks', async () => {
  await expect(merged(['b', 'a'], [])).rejects.toThrow(/rows do not come in the order/);
  await expect(merged([], ['b', 'a'])).rejects.toThrow(/objects do not come in the order/);
});
