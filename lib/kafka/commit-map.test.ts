import { array, assert, integer, property, record } from 'fast-check';
import { decodeCommitMap, encodeCommitMap, metadataLimit, type OffsetRange } from './commit-map';

const gapsAndRuns = (runs: number) =>
  array(record({ gap: integer({ min: 1, max: 40 }), run: integer({ min: 1, max: 40 }) }), {
    maxLength: runs,
  });

function rangesFrom(base: number, parts: readonly { gap: number; run: number }[]): OffsetRange[] {
  let at = base;
  return parts.map(({ gap, run }) => {
    const from = at + gap;
    at = from + run;
    return { from, to: at };
  });
}

const offsetsIn = (ranges: readonly OffsetRange[]): number =>
  ranges.reduce((sum, range) => sum + range.to - range.from, 0);

test('what was encoded is decoded, as long as it fits', () => {
  assert(
    property(integer({ min: 0, max: 2 ** 50 }), gapsAndRuns(300), (base, parts) => {
      const ranges = rangesFrom(base, parts);
      const text = encodeCommitMap({ base, ranges, span: 9, ageMs: 1500 });
      expect(decodeCommitMap(text, base)).toEqual(ranges);
    }),
  );
});

test('a map that is too long is cut: never above the limit, never an offset that is not done', () => {
  assert(
    property(gapsAndRuns(400), integer({ min: 100, max: 400 }), (parts, limit) => {
      const ranges = rangesFrom(7, parts);
      const text = encodeCommitMap({ base: 7, ranges, span: 9, ageMs: 0 }, limit);
      expect(text.length).toBeLessThanOrEqual(limit);
      const isDone = (offset: number): boolean =>
        ranges.some((range) => offset >= range.from && offset < range.to);
      for (const range of decodeCommitMap(text, 7) ?? []) {
        for (let offset = range.from; offset < range.to; offset += 1) {
          expect(isDone(offset)).toBe(true);
        }
      }
    }),
  );
});

test('one record in eight is missing over 20,000 offsets: every one of the others fits', () => {
  const ranges = rangesFrom(
    0,
    Array.from({ length: 2500 }, () => ({ gap: 1, run: 7 })),
  );
  const text = encodeCommitMap({ base: 0, ranges, span: 20_000, ageMs: 0 });
  expect(text.length).toBeLessThanOrEqual(metadataLimit);
  expect(offsetsIn(decodeCommitMap(text, 0) ?? [])).toBe(17_500);
});

test('an operator can read the beginning', () => {
  const map = { base: 100, ranges: [{ from: 102, to: 104 }], span: 12, ageMs: 61_000 };
  expect(encodeCommitMap(map)).toBe('afterbuild/1 at=100 done=2 span=12 age=61s r=2-3');
});

test('a map counts for its own offset only: a tool may move the offset and keep the metadata', () => {
  assert(
    property(integer({ min: 0, max: 999 }), integer({ min: 0, max: 999 }), (base, other) => {
      const ranges = [{ from: base + 2, to: base + 4 }];
      const text = encodeCommitMap({ base, ranges, span: 9, ageMs: 0 });
      expect(decodeCommitMap(text, other)).toEqual(other === base ? ranges : null);
    }),
  );
});

test('a map of an older version, which does not say its offset, is read', () => {
  const text = 'afterbuild/1 done=2 span=12 age=61s r=2-3';
  expect(decodeCommitMap(text, 100)).toEqual([{ from: 102, to: 104 }]);
});

test.each([
  '',
  'someone else wrote this',
  'afterbuild/1 done=1 span=1 age=0s r=0',
  'afterbuild/1 done=1 span=1 age=0s r=5-3',
  'afterbuild/1 at=9 done=1 span=2 age=0s r=1',
])('%j is not taken for a map', (metadata) => {
  expect(decodeCommitMap(metadata, 10)).toBeNull();
});

test('nothing beyond the offset is an empty map', () => {
  const text = encodeCommitMap({ base: 5, ranges: [], span: 0, ageMs: 0 });
  expect(decodeCommitMap(text, 5)).toEqual([]);
});
