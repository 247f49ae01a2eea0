import { Command } from 'commander';
import { askedRange, bound, replayOf, withRange, type RangeOptions } from './options';
import { describePlan } from './plan';

function read(...args: readonly string[]): RangeOptions {
  const command = withRange(
    new Command('plan').exitOverride().configureOutput({ writeErr: () => undefined }),
  );
  return command.parse(args, { from: 'user' }).opts<RangeOptions>();
}

describe('whose work', () => {
  test.each([
    [['--process', 'artifact-deleter'], 'artifact-deleter', 'artifacts.expired'],
    [['--topic', 'builds.finished'], 'trace-archiver', 'builds.finished'],
    [['--topic', 'team-a.builds.finished'], 'trace-archiver', 'builds.finished'],
  ])('%j is %s on %s', (args, process, topic) => {
    expect(replayOf(read(...args), 'team-a.')).toEqual({ process, topic, name: 'replay' });
  });

  test.each([
    [[], /must say whose work it is/],
    [['--process', 'nobody'], /There is no process nobody/],
    [['--process', 'artifact-deleter', '--topic', 'builds.finished'], /No process fits/],
    [['--topic', 'artifacts.expired.artifact-deleter.dlq'], /No process fits/],
  ])('%j is refused', (args, why) => {
    expect(() => replayOf(read(...args), '')).toThrow(why);
  });

  test('a further replay has a name of its own', () => {
    expect(replayOf(read('--process', 'artifact-deleter', '--another', 'tuesday'), '').name).toBe(
      'tuesday',
    );
    for (const name of ['replay', 'A', 'a/b', '']) {
      expect(() => read('--process', 'artifact-deleter', '--another', name)).toThrow(/lower case/);
    }
  });
});

describe('a range', () => {
  test('may be offsets of one partition, times, or an outage', () => {
    expect(askedRange(read('--partition', '3', '--from', 'offset:5', '--to', 'offset:9'))).toEqual({
      ...{ partition: 3, key: null, from: { offset: 5 }, to: { offset: 9 } },
    });
    expect(askedRange(read('--from', '2026-05-01T10:00:00Z'))).toMatchObject({
      from: { atMs: Date.parse('2026-05-01T10:00:00Z') },
    });
    const outage = ['--since-outage', '2026-05-01T10:00:00Z'];
    expect(askedRange(read(...outage))?.from).toEqual({ atMs: Date.parse('2026-05-01T09:00:00Z') });
    expect(askedRange(read(...outage, '--waited', '6h'))?.from).toEqual({
      atMs: Date.parse('2026-05-01T04:00:00Z'),
    });
    expect(askedRange(read('--process', 'artifact-deleter'))).toBeNull();
  });

  test.each([
    [['--to', '1h'], /must say where the range begins/],
    [['--key', 'a'], /must say where the range begins/],
    [['--from', 'offset:5'], /needs --partition/],
    [['--from', '2h', '--to', '3h'], /must be later/],
    [['--partition', '1', '--from', 'offset:5', '--to', 'offset:5'], /must be behind/],
    [['--since-outage', '2h', '--from', '3h'], /stands for/],
  ])('%j is refused', (args, why) => {
    expect(() => askedRange(read(...args))).toThrow(why);
  });

  test.each(['offset:', 'offset:-1', 'offset:1.5', 'yesterday', ''])('%j is no bound', (text) => {
    expect(() => bound(text)).toThrow(/must be like/);
  });
});

test('a plan says what is taken, what is left to live work, and what retention may have taken', () => {
  const lines = describePlan({
    definition: {
      ...{ process: 'artifact-deleter', name: 'tuesday', topic: 'artifacts.expired', key: 'k' },
      ...{ ranges: [[2, 95, 105]], rate: 20, liveLagMax: 1_000, absentRowsExpected: false },
    },
    partitions: [
      { partition: 1, from: 7, to: 7, leftToLive: 3, isCut: false },
      { partition: 2, from: 95, to: 105, leftToLive: 0, isCut: true },
    ],
    ...{ records: 10, leftToLive: 3, secondsAtLeast: 1 },
    effects: { sampled: 1, named: 2, done: 2, lines: ['of 1 sampled records …'] },
  });
  expect(lines).toEqual([
    'artifact-deleter (tuesday): 10 records of artifacts.expired once more, as group artifact-deleter.replay.tuesday',
    '  partition   2: offsets  95 to 105, 10 records',
    '  of these only records with the key k',
    '  3 of the range are not handled yet: they stay with artifact-deleter itself',
    '  retention may have taken earlier records of partitions 2',
    '  of 1 sampled records …',
    '  at 20 records a second, while artifact-deleter has at most 1000 records left: 1s at least',
  ]);
});
