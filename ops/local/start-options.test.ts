import { CommanderError } from 'commander';
import { parseStartOptions } from './start-options';

const quietly = (args: string[]) => {
  const said = jest.spyOn(process.stderr, 'write').mockReturnValue(true);
  try {
    return parseStartOptions(args);
  } finally {
    said.mockRestore();
  }
};

it('works without any argument', () => {
  expect(parseStartOptions([])).toMatchObject({ once: false, keep: false, artifacts: 25_000 });
});

it('reads size, seed and place', () => {
  const args = [
    '--once',
    '--builds',
    '0',
    '--artifacts',
    '200',
    '--random-seed',
    '7',
    '--data',
    '/d',
  ];
  expect(parseStartOptions(args)).toEqual({
    once: true,
    builds: 0,
    artifacts: 200,
    randomSeed: 7,
    data: '/d',
    keep: false,
  });
});

it('refuses what is no whole number, and what it does not know', () => {
  expect(() => quietly(['--artifacts', '1e5'])).toThrow(CommanderError);
  expect(() => quietly(['--once', 'now'])).toThrow(CommanderError);
});
