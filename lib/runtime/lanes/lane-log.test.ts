import type { Logger } from '../../process/logger';
import type { FailurePolicy } from '../failure-policy';
import type { FetchedRecord } from '../../kafka/fetched-record';
import { newSpell } from './failure-spell';
import { Lane } from './lane';
import { LaneLog } from './lane-log';
import type { FailedRecord } from '../failures/failure-publisher';
import { RecordBusyError, WaitError } from '../record-errors';

interface Line {
  readonly level: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

function createFixture() {
  const lines: Line[] = [];
  const levels = ['debug', 'info', 'warn', 'error'] as const;
  const writers = levels.map((level) => [
    level,
    (fields: Line['fields']) => lines.push({ level, fields }),
  ]);
  const logger: unknown = Object.fromEntries(writers);
  const log = new LaneLog(logger as Logger);
  return { log, lane: new Lane(3), spell: newSpell(0), lines };
}

const busy = new RecordBusyError('The trace of build 17 (partition 100) has to settle: live.');
const away = new Error('storage is away');
function letter(error: Error): FailedRecord {
  const record: unknown = { offset: 7 };
  const failure = { error, poison: undefined, failed: 6, firstFailedAtMs: 0, rest: undefined };
  return { record: record as FetchedRecord, ...failure };
}
const policy: FailurePolicy = {
  needs: [],
  classify: () => ({ kind: 'transient' }),
  retryTopics: [30_000, 120_000].map((delayMs) => ({ topic: 'later', delayMs })),
  deadLetters: 'dead',
};
const from = (retryLevel: number | null) => ({ retryLevel, policy });

const usualWaits = [busy, new WaitError('The cap is reached.')];

test.each(usualWaits)(
  'a usual wait and its end are logged at debug, without a stack: %s',
  (wait) => {
    const { log, lane, spell, lines } = createFixture();
    log.retrying(lane, spell, wait);
    log.recovered(3, spell, 10);
    expect(lines.map(({ level }) => level)).toEqual(['debug', 'debug']);
    expect(lines[0]?.fields).toEqual({ event: 'lane.waits', lane: 3, reason: wait.message });
  },
);

test('what waits only with patience, and what should not have to wait, are warned of', () => {
  const { log, lane, spell, lines } = createFixture();
  log.retrying(lane, spell, new WaitError('InternalError', { patienceMs: 1_000 }));
  log.retrying(lane, spell, new WaitError('not a member', { isUsual: false }));
  log.retrying(lane, spell, away);
  expect(lines.map(({ level }) => level)).toEqual(['warn', 'warn', 'warn']);
});

test('every lane logs that a server is unavailable, and the breaker alone warns of it', () => {
  const { log, lane, spell, lines } = createFixture();
  log.retrying(lane, spell, away, true);
  log.recovered(3, spell, 10);
  expect(lines.map(({ level }) => level)).toEqual(['info', 'info']);
});

test('a failure among usual waits is a warning, and its end is logged where it was', () => {
  const { log, lane, spell, lines } = createFixture();
  log.retrying(lane, spell, busy);
  log.retrying(lane, spell, away);
  log.recovered(3, spell, 10);
  expect(lines.map(({ level }) => level)).toEqual(['debug', 'warn', 'info']);
});

test('a busy record goes to its retry topic at debug, and again to the last one as a warning', () => {
  const { log, lines } = createFixture();
  for (const level of [null, 0, 1]) log.redirected(letter(busy), from(level));
  expect(lines.map(({ level }) => level)).toEqual(['debug', 'debug', 'warn']);
  expect(lines.map(({ fields }) => fields['reason'])).toEqual(lines.map(() => busy.message));
  expect(lines.some(({ fields }) => 'err' in fields)).toBe(false);
});

test('a record that failed for its own reasons is a warning at once', () => {
  const { log, lines } = createFixture();
  log.redirected(letter(away), from(null));
  expect(lines).toEqual([
    { level: 'warn', fields: { event: 'record.retried-later', offset: 7, failed: 6, err: away } },
  ]);
});
