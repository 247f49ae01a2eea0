import { readDuration, writeDuration } from './duration';

test.each([
  ['2h', 7_200_000],
  ['90m', 5_400_000],
  ['1d12h', 129_600_000],
  ['30s', 30_000],
])('%s is read as %d ms', (text, ms) => expect(readDuration(text)).toBe(ms));

test.each(['', '2', 'h', '2 h', '-2h', '0m', '1.5h', '2w'])('"%s" is no duration', (text) =>
  expect(readDuration(text)).toBeNull(),
);

test.each([
  [0, '0s'],
  [8_400, '8s'],
  [59_600, '1m00s'],
  [252_000, '4m12s'],
  [7_500_000, '2h05m'],
  [273_600_000, '3d04h'],
  [-5, '0s'],
])('%d ms are written as %s', (ms, text) => expect(writeDuration(ms)).toBe(text));
