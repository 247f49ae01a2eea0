import { failureHeaders } from '../failure-headers';
import { FetchedRecord } from '../../kafka/fetched-record';
import { activities, Lane } from './lane';
import { waitOf } from './lanes';

function waitingLane(index: number, dueAtMs: number, why: string): Lane {
  const lane = new Lane(index);
  const headers = { [failureHeaders.errorMessage]: Buffer.from(why) };
  const parts = { key: null, value: null, timestampMs: 0, headers };
  lane.push(new FetchedRecord({ ...parts, offset: index }));
  lane.historyOf(index).dueAtMs = dueAtMs;
  lane.activity = activities.notDue;
  return lane;
}

const atMs = Date.UTC(2026, 4, 1, 12, 0, 0, 400);

test('what waits for its time says until when the first of it waits, and why', () => {
  const lanes = [waitingLane(3, atMs + 60_000, 'SlowDown'), waitingLane(4, atMs, 'AccessDenied')];
  expect(waitOf(lanes)).toBe('no retry is due before 2026-05-01T12:00:00Z: AccessDenied');
});

test('the reason of a wait is the text of a header that any producer may have written: it is short, and escaped', () => {
  const why = `\u001b[2J0 waiting\n${'x'.repeat(100_000)}`;
  const said = waitOf([waitingLane(3, atMs, why)]) ?? '';
  expect(said).toContain('\\u001b[2J0 waiting\\u000a');
  expect(said.length).toBeLessThan(200);
});

test('a lane that could begin waits for nothing', () => {
  const lane = waitingLane(3, atMs, 'SlowDown');
  lane.activity = activities.idle;
  expect(waitOf([lane])).toBeNull();
});
