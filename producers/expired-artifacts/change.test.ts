import { change } from '../../test/support/records/expired-artifacts';
import { infinity, minusInfinity } from '../../lib/stores/postgres/instant';
import { committedUntilUs, decideChange, isCandidate } from './change';

const slackMs = 10_000;
const committed = change({});
const untilUs = committedUntilUs(committed, slackMs);

test.each([
  ['unlocked after it expired', {}, 'produce'],
  [
    'expires with the last microsecond of commit time and slack',
    { expireAt: BigInt(untilUs) },
    'produce',
  ],
  [
    'expires a microsecond later',
    { expireAt: BigInt(untilUs + 1) },
    'expires later: the sweep will see it',
  ],
  ['expires at -infinity', { expireAt: minusInfinity }, 'produce'],
  ['expires at infinity', { expireAt: infinity }, 'expires later: the sweep will see it'],
  ['never expires', { expireAt: null }, 'never expires'],
  ['locked', { locked: 1 }, 'not unlocked'],
  ['unknown', { locked: 2 }, 'not unlocked'],
  ['lock never set', { locked: null }, 'not unlocked'],
  ['a trace', { fileType: 3 }, 'a trace'],
  ['stored locally', { fileStore: 1 }, 'not in object storage'],
  ['store unknown', { fileStore: null }, 'not in object storage'],
])('%s: %#', (_, columns, expected) => {
  const decision = decideChange(change(columns), untilUs);
  expect(decision.kind === 'leave' ? decision.reason : decision.kind).toBe(expected);
});

test('what is produced is the row as the event says it', () => {
  const decision = decideChange(change({ id: 77, file: null, fileFinalPath: 'a/b' }), untilUs);
  expect(decision).toMatchObject({
    artifact: { id: 77, file: null, fileFinalPath: 'a/b', fileStore: 2, expireAt: 1_000_000n },
  });
});

test('the whole millisecond of the commit counts, since the event cuts it', () => {
  expect(committedUntilUs(change({ committedAtMs: 5 }), 0)).toBe(6_000);
});

test('time does not make a candidate, the rest does', () => {
  expect(isCandidate(change({ expireAt: infinity }))).toBe(true);
  expect(isCandidate(change({ locked: 1 }))).toBe(false);
});
