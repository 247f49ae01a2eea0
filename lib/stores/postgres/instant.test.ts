import fc from 'fast-check';
import {
  dayOf,
  infinity,
  instantOfEpoch,
  instantOfIso,
  minusInfinity,
  readInstant,
  timestampOf,
  writeInstant,
} from './instant';

/** −4713-11-24 to 294276-12-31, and both infinities. */
const instants = fc.oneof(
  fc.constantFrom(infinity, minusInfinity),
  fc.bigInt({ min: -210_866_803_200_000_000n, max: 9_224_318_015_999_999_999n }),
);

test('what is written is read back', () => {
  fc.assert(fc.property(instants, (at) => expect(readInstant(writeInstant(at))).toBe(at)));
  expect(() => readInstant('2026-11-30')).toThrow('no instant');
});

test('an instant compares as PostgreSQL compares it', () => {
  expect(
    [infinity, 0n, minusInfinity, -210_866_803_200_000_000n].sort((a, b) => (a < b ? -1 : 1)),
  ).toEqual([minusInfinity, -210_866_803_200_000_000n, 0n, infinity]);
});

test.each([
  ['0.000000', 0n],
  ['-0.000001', -1n],
  ['-62135596800.000000', -62_135_596_800_000_000n],
  ['9224318015999.999999', 9_224_318_015_999_999_999n],
  ['-Infinity', minusInfinity],
  ['Infinity', infinity],
])('extract(epoch) of %s', (text, expected) => {
  expect(instantOfEpoch(text)).toBe(expected);
});

test.each([
  ['1970-01-01T00:00:00Z', 0n, '1970-01-01 00:00:00.000000+00'],
  ['1970-01-01T00:00:00.1Z', 100_000n, '1970-01-01 00:00:00.100000+00'],
  ['1970-01-01T00:00:00.000001999Z', 1n, '1970-01-01 00:00:00.000001+00'],
  ['1969-12-31T23:59:59.999999Z', -1n, '1969-12-31 23:59:59.999999+00'],
  ['1970-01-01T01:00:00+01:00', 0n, '1970-01-01 00:00:00.000000+00'],
  ['0001-01-01T00:00:00Z', -62_135_596_800_000_000n, '0001-01-01 00:00:00.000000+00'],
  ['-0043-03-15T12:00:00Z', -63_517_780_800_000_000n, '0044-03-15 12:00:00.000000+00 BC'],
  ['-4713-11-24T00:00:00Z', -210_866_803_200_000_000n, '4714-11-24 00:00:00.000000+00 BC'],
  ['+294276-12-31T23:59:59.999999Z', 9_224_318_015_999_999_999n, '294276-12-31 23:59:59.999999+00'],
  ['infinity', infinity, 'infinity'],
  ['-infinity', minusInfinity, '-infinity'],
])('%s is %s, and PostgreSQL reads it as %s', (text, expected, timestamp) => {
  expect(instantOfIso(text)).toBe(expected);
  expect(timestampOf(expected)).toBe(timestamp);
});

test.each(['', 'yesterday', '2026-13-01T00:00:00Z', '2026-02-30T00:00:00Z', '2026-11-24 12:00'])(
  '%j is no instant',
  (text) => {
    expect(instantOfIso(text)).toBeNull();
  },
);

test('a day is the one that it is in, also before 1970', () => {
  expect([dayOf(0n), dayOf(-1n), dayOf(86_400_000_000n)]).toEqual([0, -1, 1]);
});
