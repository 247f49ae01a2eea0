import { parseFaultsOptions } from './options';

test('without arguments the files with a long form run, with --all every one', () => {
  const [option, ...files] = parseFaultsOptions([]);
  expect(option).toBe('--testPathPatterns');
  expect(files).toContain(
    'test/scenarios/outages/a-bad-network-costs-delay-and-nothing-else.test.ts',
  );
  expect(files).not.toContain('test/scenarios/data/expired-artifacts-go-row-and-object.test.ts');
  expect(parseFaultsOptions(['--all'])).toEqual([]);
});

test('files are named by patterns, with or without jest’s name for them, and tests by theirs', () => {
  expect(parseFaultsOptions(['an-outage', 'a-day'])).toEqual([
    ...['--testPathPatterns', 'an-outage', 'a-day'],
  ]);
  expect(parseFaultsOptions(['--testPathPatterns', 'an-outage', '-t', 'Kafka', '--bail'])).toEqual([
    ...['--testPathPatterns', 'an-outage', '--testNamePattern', 'Kafka', '--bail'],
  ]);
});
