import {
  listeningLogger,
  moment,
  origin,
  SteppedClock,
} from '../../test/support/records/expired-artifacts';
import { DatabaseGuard, DatabaseHoldError } from './database-guard';

function setUp() {
  const clock = new SteppedClock();
  const { logger, said } = listeningLogger();
  const guard = new DatabaseGuard({ systemIdentifier: '7', databaseName: 'gitlab' }, clock, logger);
  guard.decisionsRead();
  const accept = (columns: object, atMs: number) =>
    guard.decide({
      kind: 'accept-database',
      atMs,
      acceptedDatabase: { ...origin, ...columns },
    });
  return { guard, clock, said, accept };
}

const met = { origin, timestampMs: 1 };

test('the database that a watermark was written from may be swept on', () => {
  const { guard, said } = setUp();
  expect(guard.require({ ...moment, lsn: origin.lsn + 5 }, met)).toEqual({ accepted: false });
  expect(guard.require(moment, undefined)).toEqual({ accepted: false });
  expect(said).toEqual([]);
});

test.each([
  ['another cluster', { systemIdentifier: '8' }, /Wrong database/],
  ['another database', { databaseName: 'other' }, /Wrong database/],
  ['a standby', { inRecovery: true }, /in recovery/],
  ['a restored backup', { timeline: 2 }, /accept-database/],
  ['an older copy', { lsn: origin.lsn - 1 }, /older copy.*accept-database/],
])('%s is held, and said once', (_, columns, sentence) => {
  const { guard, said } = setUp();
  const ask = () => guard.require({ ...moment, ...columns }, met);
  expect(ask).toThrow(DatabaseHoldError);
  expect(ask).toThrow(sentence);
  expect(said).toEqual([{ level: 'error', event: 'database.held' }]);
});

test('a watermark that is ahead of the database names itself and the one command that puts it right', () => {
  const { guard, clock, accept } = setUp();
  const by = 'The watermark due/public.a on afterbuild.progress';
  const ahead = { origin: { ...origin, lsn: 5_000 }, timestampMs: clock.nowMs(), by };
  expect(() => guard.require(moment, ahead)).toThrow(
    /^The watermark due\/public\.a on afterbuild\.progress was read at position 5000 .* it is an older copy, or somebody else has written that\. .*`afterbuild accept-database --reason "…" --yes`/,
  );
  accept({ lsn: moment.lsn }, clock.nowMs());
  expect(guard.require(moment, ahead)).toEqual({ accepted: true });
});

test('nothing is judged before the operators’ decisions were read', () => {
  const guard = new DatabaseGuard(
    { systemIdentifier: '7', databaseName: 'gitlab' },
    new SteppedClock(),
    listeningLogger().logger,
  );
  expect(() => guard.require(moment, undefined)).toThrow('not been read yet');
});

test('a promotion that an operator accepts goes on, and what lies before it counts as another history', () => {
  const { guard, clock, said, accept } = setUp();
  const promoted = { ...moment, timeline: 2, lsn: 500 };
  expect(() => guard.require(promoted, met)).toThrow(DatabaseHoldError);
  accept({ timeline: 2, lsn: 500 }, clock.nowMs());
  expect(guard.require(promoted, met)).toEqual({ accepted: true });
  expect(said.map(({ event }) => event)).toEqual(['database.held', 'database.released']);
});

test('a standby that becomes the primary it was goes on by itself', () => {
  const { guard, said } = setUp();
  expect(() => guard.require({ ...moment, inRecovery: true }, met)).toThrow(DatabaseHoldError);
  expect(guard.require(moment, met)).toEqual({ accepted: false });
  expect(said.at(-1)?.event).toBe('database.released');
});

test('an older copy stays held when it has grown past the doubt', () => {
  const { guard, clock, accept } = setUp();
  expect(() => guard.require({ ...moment, lsn: 900 }, met)).toThrow('older copy');
  expect(() => guard.require({ ...moment, lsn: 2_000 }, met)).toThrow('older copy');
  accept({ lsn: 1_900 }, clock.nowMs());
  expect(guard.require({ ...moment, lsn: 2_000 }, met)).toEqual({ accepted: true });
});

test('an acceptance that was given before we looked, and reaches us afterwards, is one', () => {
  const { guard, clock, accept } = setUp();
  expect(() => guard.require({ ...moment, lsn: 900 }, met)).toThrow('older copy');
  accept({ lsn: 900 }, clock.nowMs() - 500);
  expect(guard.require({ ...moment, lsn: 2_000 }, met)).toEqual({ accepted: true });
});

test('an acceptance from before the watermark was written is none of it', () => {
  const { guard, clock, accept } = setUp();
  const late = { origin, timestampMs: clock.nowMs() };
  expect(() => guard.require({ ...moment, lsn: 900 }, late)).toThrow('older copy');
  accept({ lsn: 900 }, clock.nowMs() - 1);
  expect(() => guard.require({ ...moment, lsn: 2_000 }, met)).toThrow('older copy');
});

test('a record that claims to be of the future is answered by what is accepted now', () => {
  const { guard, clock, accept } = setUp();
  const future = { origin, timestampMs: clock.nowMs() + 1_000_000 };
  expect(() => guard.require({ ...moment, lsn: 900 }, future)).toThrow('older copy');
  accept({ lsn: 900 }, clock.nowMs());
  expect(guard.require({ ...moment, lsn: 900 }, met)).toEqual({ accepted: true });
});

test('what was met last stands, not what was furthest', () => {
  const { guard } = setUp();
  guard.noteSighting({ origin: { ...origin, lsn: 5_000 }, timestampMs: 5 });
  guard.noteSighting({ origin: { ...origin, lsn: 700 }, timestampMs: 6 });
  guard.noteSighting({ origin: { ...origin, lsn: 9_000 }, timestampMs: 4 });
  expect(guard.latest?.origin.lsn).toBe(700);
});

test('a decision of another kind is not for the guard', () => {
  const { guard } = setUp();
  guard.decide(null);
  guard.decide({ kind: 'flag', atMs: 1, acceptedDatabase: null });
  expect(() => guard.require({ ...moment, timeline: 2 }, met)).toThrow(DatabaseHoldError);
});

test('what is written after an acceptance is dated after it, even by a slower clock', () => {
  const { guard, clock, accept } = setUp();
  expect(guard.timestampMs()).toBe(clock.nowMs());
  accept({}, clock.nowMs() + 5_000);
  expect(guard.timestampMs()).toBe(clock.nowMs() + 5_001);
});
