import { assert, property, string } from 'fast-check';
import { keySending } from './key-sending';

/** Char of XML 1.0, fifth edition. */
const isXmlChar = (point: number): boolean =>
  [0x9, 0xa, 0xd].includes(point) ||
  (point >= 0x20 && point <= 0xd7ff) ||
  (point >= 0xe000 && point <= 0xfffd) ||
  point >= 0x10000;

test('every code point that PostgreSQL takes can be sent, in XML only when XML has a word for it', () => {
  const wrong: number[] = [];
  const alone: number[] = [];
  for (let point = 1; point <= 0x10ffff; point += 1) {
    if (point >= 0xd800 && point <= 0xdfff) continue;
    const way = keySending(`a${String.fromCodePoint(point)}b`);
    if (way === 'never' || (way === 'together' && !isXmlChar(point))) wrong.push(point);
    if (way === 'alone') alone.push(point);
  }
  expect(wrong).toEqual([]);
  // Control characters, line ends of XML 1.1, noncharacters: few enough for a request each.
  expect(alone.length).toBe(64 + 2 + 66);
});

test.each([
  ['report\ufffe.xml', 'alone'],
  ['ends in space ', 'alone'],
  ['ünï/日本/🎉 & <b>.zip', 'together'],
  ['half of a pair \ud83c', 'never'],
  ['', 'never'],
  ['a'.repeat(1_024), 'together'],
  ['é'.repeat(513), 'never'],
])('%j goes %s', (key, way) => {
  expect(keySending(key)).toBe(way);
});

test('what goes together comes back from XML as it was', () => {
  assert(
    property(string({ unit: 'binary', maxLength: 40 }), (key) => {
      if (keySending(key) !== 'together') return;
      expect(key).toBe(key.trim());
      expect(encodeURIComponent(key)).not.toBe('');
    }),
  );
});
