import { parseFaultsOptions } from './options';

test('without arguments jest is told nothing: all scenarios', () => {
  expect(parseFaultsOptions([])).toEqual([]);
});

test('files are named by patterns, with or without jest’s name for them, and tests by theirs', () => {
  expect(parseFaultsOptions(['an-outage', 'a-day'])).toEqual([
    ...['--testPathPatterns', 'an-outage', 'a-day'],
  ]);
  expect(parseFaultsOptions(['--testPathPatterns', 'an-outage', '-t', 'Kafka', '--bail'])).toEqual([
    ...['--testPathPatterns', 'an-outage', '--testNamePattern', 'Kafka', '--bail'],
  ]);
});
