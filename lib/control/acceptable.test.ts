import type { Control } from '../../schemas/generated';
import { acceptanceKey, refusalOf } from './acceptable';

const acceptedDatabase = { systemIdentifier: '7', databaseName: 'gitlab', timeline: 1, lsn: 900 };
const acceptance = (other: Partial<Control> = {}): Control => ({
  ...{ kind: 'accept-database', author: 'mona', reason: 'restored', atMs: 1_000, acceptedDatabase },
  ...{ flag: null, breaker: null },
  ...other,
});
const nowMs = 2_000;

test('an acceptance under the key of its database counts, also when its clock is a little ahead', () => {
  const key = acceptanceKey('gitlab');
  expect(refusalOf({ key, value: acceptance() }, nowMs)).toBeUndefined();
  expect(refusalOf({ key, value: acceptance({ atMs: nowMs + 299_000 }) }, nowMs)).toBeUndefined();
  expect(refusalOf({ key, value: null }, nowMs)).toBeUndefined();
});

test.each<[string, string | null, Partial<Control>, RegExp]>([
  ['no key', null, {}, /key/],
  ['the key of another database', acceptanceKey('other'), {}, /key/],
  ['the key of a flag', 'flag/all/pause', {}, /key/],
  ['a date far in the future', acceptanceKey('gitlab'), { atMs: 4_000_000_000_000 }, /time/],
  ['no date', acceptanceKey('gitlab'), { atMs: 0 }, /time/],
  ['no database', acceptanceKey('gitlab'), { acceptedDatabase: null }, /names no database/],
  [
    'an impossible identifier',
    acceptanceKey('gitlab'),
    { acceptedDatabase: { ...acceptedDatabase, systemIdentifier: '7\n' } },
    /identifier/,
  ],
  [
    'an impossible place',
    acceptanceKey('gitlab'),
    { acceptedDatabase: { ...acceptedDatabase, lsn: -1 } },
    /history/,
  ],
  ['no author', acceptanceKey('gitlab'), { author: ' ' }, /who and why/],
  ['no reason', acceptanceKey('gitlab'), { reason: '' }, /who and why/],
])('an acceptance with %s is ignored, with a reason', (_, key, other, reason) => {
  expect(refusalOf({ key, value: acceptance(other) }, nowMs)).toMatch(reason);
});
