import { laneHold, roomHold } from './intake-hold';

const lane = { activity: { kind: 'idle' }, failing: null } as const;
const failing = { ...lane, failing: { failures: 2, onSharedNeed: false } };
const halted = { ...lane, activity: { kind: 'halted' } } as const;
const notDue = { ...lane, activity: { kind: 'not-due' } } as const;
const probing = { ...lane, failing: { failures: 2, onSharedNeed: true } };
const failedOnce = { ...lane, failing: { failures: 1, onSharedNeed: false } };

test.each([
  ['all get on', [lane, lane], null],
  ['one stands', [failing, lane], null],
  ['one is halted', [halted, lane], null],
  ['a first failure is often gone at once', [failedOnce], null],
  ['none gets on', [failing, halted], 'lanes'],
  ['they fail on what all need, and probe it', [probing], null],
  ['one waits for its time: what lies behind is due later', [lane, notDue], 'not-due'],
])('of the lanes: %s', (_, lanes, hold) => {
  expect(laneHold(lanes)).toBe(hold);
});

const limits = { partitionBufferRecords: 10, partitionBufferBytes: 1_000, windowRecords: 40 };
const room = { bufferedRecords: 4, bufferedBytes: 400, ahead: 15 };

test.each([
  ['there is room', {}, 1, null],
  ['as many records as may be', { bufferedRecords: 10 }, 1, 'full'],
  ['as many bytes as may be', { bufferedBytes: 1_000 }, 1, 'full'],
  ['as far ahead as the map can hold', { ahead: 40 }, 1, 'window'],
  ['what was full is read again at half', { bufferedRecords: 5 }, 0.5, 'full'],
  ['and not before', { bufferedRecords: 4 }, 0.5, null],
])('of the room: %s', (_, change, share, hold) => {
  expect(roomHold({ ...room, ...change }, limits, share)).toBe(hold);
});
