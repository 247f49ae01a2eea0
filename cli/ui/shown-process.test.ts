import { reportOf, type Known } from '../../lib/control/status-report';
import type { PartitionWork } from '../../lib/control/work-left';
import { workOf } from '../../lib/control/work-left';
import type { InstanceStatus } from '../../schemas/generated';
import type { Membership } from './membership';
import { rangesOf } from './shown-instance';
import { lagSentenceOf, shownProcess } from './shown-process';

const nowMs = 1_000_000_000;
const instance = (other: Partial<InstanceStatus> = {}): InstanceStatus => ({
  ...{ process: 'artifact-deleter', instance: 'pod-1', startedAtMs: 0, atMs: nowMs - 6_000 },
  ...{ state: 'working', sinceMs: nowMs - 60_000, cause: null, causes: [], partitions: 2 },
  ...{ recordsPerSecond: 3, bufferedRecords: 5, oldestRecordAtMs: nowMs - 90_000 },
  ...{ concurrency: 4, breakers: [], flags: [], setAside: [], redisRooms: [], redisGuard: null },
  work: null,
  ...other,
});
const partition = (at: number): PartitionWork => ({
  ...{ topic: 'ns.artifacts.expired', partition: at, logStart: 0 },
  ...{ logEnd: 100, committed: 70, doneBeyond: 25 },
});
const partitions = [partition(0), partition(1)];
const members = (...names: string[]): Membership => ({
  instances: new Set(names),
  unnamed: 0,
  holders: new Map(names.map((name, at) => [`ns.artifacts.expired/${at}`, name])),
  isSharing: false,
});
const shown = (
  instances: InstanceStatus[],
  group: Membership | null,
  other: Partial<Known> = {},
) => {
  const known: Known = {
    ...{ process: 'artifact-deleter', instances, work: workOf(partitions), deadLetters: 0 },
    flags: [],
    ...other,
  };
  const reading = { report: reportOf(known, nowMs), partitions, group };
  return shownProcess(reading, { nowMs, namespace: 'ns.' });
};

test('the work left stands beside the lag of Kafka, with the reason why they differ', () => {
  const one = shown([instance()], members('pod-1'));
  expect(one).toMatchObject({ recordsLeft: 10, kafkaLag: 60, severity: 'good', state: 'working' });
  expect(one.lagSentence).toMatch(/50 of those records are done already/);
  expect(one.oldestAtMs).toBe(nowMs - 90_000);
  expect(lagSentenceOf(7, 7)).toMatch(/agree/);
  expect(lagSentenceOf(null, null)).toMatch(/no such topic/);
});

test('each partition has its holder, and each instance says what it holds', () => {
  const one = shown([instance(), instance({ instance: 'pod-2' })], members('pod-1', 'pod-2'));
  expect(one.partitions.map(({ topic, holder }) => [topic, holder])).toEqual([
    ['artifacts.expired', 'pod-1'],
    ['artifacts.expired', 'pod-2'],
  ]);
  expect(one.instances.map(({ holds }) => holds)).toEqual([
    ['artifacts.expired 0'],
    ['artifacts.expired 1'],
  ]);
});

test('an instance that Kafka no longer counts as a member is red, long before it counts as silent', () => {
  const one = shown([instance(), instance({ instance: 'pod-2' })], members('pod-2'));
  expect(
    one.instances.map(({ instance: name, state, severity }) => [name, state, severity]),
  ).toEqual([
    ['pod-1', 'gone', 'bad'],
    ['pod-2', 'working', 'good'],
  ]);
  expect([one.severity, one.state, one.sentence]).toEqual([
    'warn',
    'working, 1 gone',
    'working: 6 records/s; 1 of 2 instances is gone',
  ]);
  const last = shown([instance()], members());
  expect([last.severity, last.state, last.sentence]).toEqual([
    'bad',
    'gone',
    'gone: its only instance is no member of the group',
  ]);
});

test('an instance that joins, has just spoken, or may be a nameless member is not called gone', () => {
  const states = (one: InstanceStatus, group: Membership | null) =>
    shown([one], group).instances.map(({ state }) => state);
  expect(states(instance({ state: 'joining' }), members())).toEqual(['joining']);
  expect(states(instance({ atMs: nowMs - 500 }), members())).toEqual(['working']);
  expect(states(instance(), { ...members(), unnamed: 1 })).toEqual(['working']);
  expect(states(instance(), null)).toEqual(['working']);
});

test('a silent instance is red until another has taken its place for ten minutes', () => {
  const silent = (ms: number) => shown([instance({ atMs: nowMs - ms })], members()).instances[0]!;
  expect(silent(60_000)).toMatchObject({ state: 'silent', severity: 'bad' });
  expect(silent(700_000)).toMatchObject({ state: 'silent', severity: 'off' });
});

test('a flag names who set it, why, and for how long', () => {
  const flag = {
    ...{ process: 'all', name: 'pause' as const, value: 'true', author: 'anna' },
    ...{ reason: 'maintenance', atMs: nowMs, expiresAtMs: nowMs + 60_000 },
  };
  const one = shown([instance()], members('pod-1'), { flags: [flag] });
  expect([one.severity, one.flags]).toEqual([
    'warn',
    ['pause true for all by anna: maintenance, for 1m00s more'],
  ]);
});

test('the causes of all its instances are said once, with its breakers', () => {
  const breaker = {
    ...{ dependency: 's3', state: 'open', cause: 'refused' },
    ...{ sinceMs: nowMs - 5_000, nextProbeAtMs: nowMs },
  };
  const held = { state: 'held', causes: ['refused'], breakers: [breaker] };
  const one = shown(
    [instance(held), instance({ ...held, instance: 'pod-2' })],
    members('pod-1', 'pod-2'),
  );
  expect([one.severity, one.causes, one.breakers]).toEqual([
    'warn',
    ['refused'],
    ['s3 open for 5s: refused'],
  ]);
});

test('partitions are written as ranges', () => {
  expect(rangesOf([7, 0, 1, 2, 3, 10])).toBe('0-3, 7, 10');
  expect(rangesOf([])).toBe('');
});
