import fc from 'fast-check';
import { formatOffsets, isResolution, readResolution, writeResolution } from './resolution';

const settlement = { kind: 'redriven', by: 'mona', atMs: 0, why: '', redriveId: 'r-1' } as const;

test('a marker is readable for an operator', () => {
  expect(writeResolution({ ...settlement, offsets: [3, 5, 6, 7], why: 'repaired' })).toEqual({
    'afterbuild-settled': 'redriven',
    'afterbuild-settled-offsets': '3,5-7',
    'afterbuild-settled-by': 'mona',
    'afterbuild-settled-at': '1970-01-01T00:00:00.000Z',
    'afterbuild-settled-why': 'repaired',
    'afterbuild-redrive-id': 'r-1',
  });
});

test('every settled offset is read again, and no other', () => {
  const offsets = fc.uniqueArray(fc.nat({ max: 300 }), { minLength: 1 });
  fc.assert(
    fc.property(offsets, (unsorted) => {
      const sorted = unsorted.sort((a, b) => a - b);
      const headers = writeResolution({ ...settlement, offsets: sorted });
      const decision = { by: 'mona', atMs: 0, why: '' };
      expect(readResolution(headers)).toEqual({ kind: 'redriven', offsets: sorted, decision });
    }),
  );
});

test.each(['', 'x', '5-3', '1,,2', '0-99999999', '3-', Array(9).fill('0-20000').join(',')])(
  'offsets %j settle nothing, but are no dead letter either',
  (offsets) => {
    const headers = { 'afterbuild-settled': 'parked', 'afterbuild-settled-offsets': offsets };
    expect(readResolution(headers)).toBeNull();
    expect(isResolution(headers)).toBe(true);
  },
);

test('a dead letter is no marker, and an unknown decision settles nothing', () => {
  expect(isResolution({ 'afterbuild-redrive-id': 'r-1' })).toBe(false);
  const headers = { 'afterbuild-settled': 'eaten', 'afterbuild-settled-offsets': '1' };
  expect(readResolution(headers)).toBeNull();
});

test('no offset is no text', () => {
  expect(formatOffsets([])).toBe('');
});
