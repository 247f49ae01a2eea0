import { endsInARow, restartAfterMs } from './restart';

const end = { code: 1, ranMs: 5_000, endsBefore: 0 };

it('starts a killed process again after a second, and pauses longer after each end', () => {
  expect(restartAfterMs({ ...end, code: null })).toBe(1_000);
  expect([0, 1, 2, 3].map((endsBefore) => restartAfterMs({ ...end, endsBefore }))).toEqual([
    1_000, 2_000, 4_000, 8_000,
  ]);
});

it('gives up at the fifth end in a row', () => {
  expect(restartAfterMs({ ...end, endsBefore: 4 })).toBeNull();
});

it('begins to count anew after a minute of work', () => {
  const late = { ...end, ranMs: 60_000, endsBefore: 4 };
  expect(endsInARow(late)).toBe(1);
  expect(restartAfterMs(late)).toBe(1_000);
});

it('does not repeat what a setting refuses', () => {
  expect(restartAfterMs({ ...end, code: 3 })).toBeNull();
});

it('waits for a server that does not answer as long as it takes', () => {
  expect(restartAfterMs({ ...end, code: 4, endsBefore: 40 })).toBe(15_000);
});
