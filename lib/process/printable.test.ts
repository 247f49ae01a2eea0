import fc from 'fast-check';
import { printable, printableJson, quoted } from './printable';

const odd = [
  '\u001b[2J',
  '\r\n0 waiting',
  '\u009b1A',
  '\u202egpj.exe',
  '\u2028',
  '\ufeff',
  '\u0007',
  '\u2066',
];
const text = fc
  .array(fc.oneof(fc.constantFrom(...odd), fc.string({ unit: 'binary' })))
  .map((parts) => parts.join(''));
const moves = /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/u;

test.each([
  ['\u001b[2K0 waiting', '\\u001b[2K0 waiting'],
  ['a\r\nb', 'a\\u000d\\u000ab'],
  ['\u009b1A', '\\u009b1A'],
  ['\u202egpj', '\\u202egpj'],
  ['\ud800', '\\ud800'],
  ['Überraschung 🎉 файл', 'Überraschung 🎉 файл'],
])('%j is printed as %s', (given, shown) => {
  expect(printable(given)).toBe(shown);
});

test('nothing in a text can move the cursor, break its line or turn it round', () => {
  fc.assert(
    fc.property(text, (given) => {
      expect(printable(given)).not.toMatch(moves);
    }),
  );
});

test('JSON is the same value, and holds nothing of that either', () => {
  fc.assert(
    fc.property(text, (given) => {
      const shown = printableJson(JSON.stringify({ given }));
      expect(shown).not.toMatch(moves);
      expect(JSON.parse(shown)).toEqual({ given });
    }),
  );
});

test('a quotation has 64 characters at most, before they are escaped', () => {
  expect(quoted('x'.repeat(100_000))).toBe(`${'x'.repeat(63)}…`);
  expect(quoted('ab\n')).toBe('ab\\u000a');
});
