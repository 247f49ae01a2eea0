import type { InstanceStatus } from '../../schemas/generated';
import { reportOf, type Known } from './status-report';

const nowMs = 1_000_000_000;
const minutes = (count: number): number => nowMs - count * 60_000;

const instance = (other: Partial<InstanceStatus> = {}): InstanceStatus => ({
  process: 'artifact-deleter',
  instance: 'pod-1',
  startedAtMs: 0,
  atMs: nowMs - 1_000,
  state: 'working',
  sinceMs: minutes(5),
  cause: null,
  partitions: 12,
  recordsPerSecond: 60,
  bufferedRecords: 5,
  oldestRecordAtMs: null,
  concurrency: 4,
  breakers: [],
  flags: [],
  setAside: [],
  redisRooms: [],
  redisGuard: null,
  causes: typeof other.cause === 'string' ? [other.cause] : [],
  work: null,
  ...other,
});
const away = {
  dependency: 's3',
  state: 'open',
  sinceMs: nowMs - 252_000,
  nextProbeAtMs: nowMs + 8_000,
  cause: 'refused',
};
const held = instance({
  state: 'held',
  cause: 'refused',
  breakers: [away],
  oldestRecordAtMs: nowMs - 370_000,
  recordsPerSecond: 0,
});
const pause = {
  process: 'artifact-deleter',
  name: 'pause' as const,
  value: 'true',
  author: 'anna',
  reason: 'maintenance',
  atMs: minutes(3),
  expiresAtMs: null,
};
const report = (instances: InstanceStatus[], other: Partial<Known> = {}) =>
  reportOf(
    {
      process: 'artifact-deleter',
      instances,
      work: { records: 1_200, lost: 0, kafkaLag: 1_200 },
      deadLetters: 0,
      flags: [],
      ...other,
    },
    nowMs,
  );
const sentence = (...args: Parameters<typeof report>) => report(...args).sentence;

test('work at hand has a rate of all instances, and an end', () => {
  const {
    state,
    recordsPerSecond,
    etaMs,
    recordsLeft,
    sentence: text,
  } = report([instance(), instance({ instance: 'pod-2' })]);
  expect([state, recordsPerSecond, etaMs, recordsLeft]).toEqual(['working', 120, 10_000, 1_200]);
  expect(text).toBe('working: 120 records/s');
});

test('an open breaker is the cause, with its age, its next probe and the oldest record', () => {
  expect(sentence([held])).toBe(
    'held: S3 breaker open 4m12s, next probe 8s, oldest unfinished 6m10s, 0 lost',
  );
});

test('what only some instances meet says how many', () => {
  expect(sentence([held, instance({ instance: 'pod-2' })])).toMatch(
    /^held: S3 breaker open 4m12s, next probe 8s \(1 of 2 instances\)/,
  );
});

test('a breaker whose probe is due, or that is half-open, is probing', () => {
  const due = { ...held, breakers: [{ ...away, nextProbeAtMs: nowMs - 1 }] };
  expect(sentence([due])).toMatch(/^held: S3 breaker open 4m12s, probing now/);
});

test('records that retention deleted before they were handled are counted', () => {
  expect(sentence([held], { work: { records: 3, lost: 7, kafkaLag: 3 } })).toMatch(/, 7 lost$/);
});

test('a pause names who decided it, why, and for how long; and who does not follow yet', () => {
  const follows = instance({ state: 'paused', flags: ['pause=true'] });
  expect(sentence([follows], { flags: [pause] })).toBe('paused by anna: maintenance');
  const expiring = { ...pause, expiresAtMs: nowMs + 4_800_000 };
  expect(sentence([follows, instance()], { flags: [expiring] })).toBe(
    'paused by anna: maintenance, for 1h20m more (1 of 2 instances do not follow yet)',
  );
});

test('a halt comes before everything else: an operator has to look', () => {
  const halted = instance({ state: 'halted', cause: 'The record cannot be decoded.' });
  expect(sentence([halted, held], { flags: [pause] })).toMatch(
    /^halted: The record cannot be decoded\. \(1 of 2 instances\)/,
  );
});

test('a dry run says so', () => {
  expect(
    sentence([instance({ state: 'dry-run' })], { flags: [{ ...pause, name: 'dry-run' }] }),
  ).toBe('dry run by anna: maintenance (1 of 1 instances do not follow yet)');
});

test('who has said nothing for 45 s is silent, and counts for nothing', () => {
  const silent = instance({ instance: 'pod-2', atMs: nowMs - 62_000, state: 'held' });
  const both = report([instance(), silent]);
  expect([both.state, both.recordsPerSecond]).toEqual(['working', 60]);
  expect(both.instances.map(({ silentForMs }) => silentForMs)).toEqual([null, 62_000]);
  expect(sentence([silent])).toBe('silent: last heard 1m02s ago');
  expect(sentence([instance({ atMs: nowMs - 45_000 })])).toMatch(/^working/);
});

test.each([
  [[], 'not running: no instance has been heard of'],
  [[instance({ state: 'joining' })], 'joining the group'],
  [
    [instance({ state: 'held', cause: 'brake: another timeline' })],
    'held: brake: another timeline, 0 lost',
  ],
])('otherwise (%#) the sentence is plain', (instances, expected) => {
  expect(sentence(instances)).toBe(expected);
});

test('idle is said only when the lag says so', () => {
  const idle = [instance({ state: 'idle' })];
  const none = { records: 0, lost: 0, kafkaLag: 0 };
  expect(sentence(idle, { work: none })).toBe('idle: nothing is left to do');
  expect(sentence(idle, { work: none, process: 'expired-artifacts' })).toBe(
    'idle: no change is left, the sweep goes on',
  );
  expect(report(idle, { work: { records: 715, lost: 0, kafkaLag: 715 } })).toMatchObject({
    state: 'waiting',
    sentence: 'waiting: 715 records lie in Kafka that no instance has taken yet',
  });
  expect(sentence(idle, { work: null })).toMatch(/Kafka does not say what is left/);
});

test('a stall without a known reason is shown before a hold', () => {
  const stalled = instance({ state: 'stalled', cause: '7 records are not taken' });
  expect(sentence([held, stalled])).toBe(
    'stalled: 7 records are not taken (1 of 2 instances), oldest unfinished 6m10s, 0 lost',
  );
});

test('without a rate there is no end in sight, without work there is nothing to wait for', () => {
  expect(report([held]).etaMs).toBeNull();
  expect(report([held], { work: { records: 0, lost: 0, kafkaLag: 0 } }).etaMs).toBe(0);
  expect(report([held], { work: null })).toMatchObject({ recordsLeft: null, lost: null });
});

describe('a producer and its consumer', () => {
  const due = {
    ...{ unit: 'artifacts', perSecond: 0, isEstimate: false, dueSinceMs: minutes(192) },
    ...{ inDatabase: 35_218, inFlight: 12_000, waitsFor: null as string | null },
    bytesFreed: null,
  };
  const sweep = (work: Partial<typeof due>, consumer: ReturnType<typeof report>) =>
    reportOf(
      {
        process: 'expired-artifacts',
        instances: [instance({ state: 'idle', recordsPerSecond: 0, work: { ...due, ...work } })],
        work: { records: 0, lost: 0, kafkaLag: 0 },
        deadLetters: 0,
        flags: [],
      },
      nowMs,
      consumer,
    );
  const deletes = { ...due, inDatabase: null, inFlight: 0, dueSinceMs: null, perSecond: 100 };
  const deleting = report([instance({ work: deletes })]);

  test('what is due in the database makes it work, and has an end', () => {
    const { state, sentence: text, wholeEtaMs, work } = sweep({}, deleting);
    expect([state, wholeEtaMs, work?.dueForMs]).toEqual(['working', 472_180, 192 * 60_000]);
    expect(text).toBe('working: 0 records/s, 35,218 artifacts are due in the database');
  });

  test('at the loop limit it says who keeps it waiting, and why; there is no end while that is paused', () => {
    const paused = report([instance({ work: deletes, state: 'paused', flags: ['pause=true'] })], {
      flags: [pause],
    });
    const { sentence: text, wholeEtaMs } = sweep({ waitsFor: 'artifact-deleter' }, paused);
    expect(text).toBe(
      'waiting: 12,000 artifacts are in flight, artifact-deleter is paused by anna: maintenance',
    );
    expect([wholeEtaMs, paused.etaMs, paused.isMoving]).toEqual([null, null, false]);
  });

  test('what is held has no end either', () => {
    expect(report([{ ...held, recordsPerSecond: 60 }]).etaMs).toBeNull();
  });
});

test('of several halts the sentence says one, and that there are more', () => {
  const halted = instance({ state: 'halted', cause: 'poison', causes: ['poison', 'a right'] });
  expect(sentence([halted])).toMatch(/^halted: poison and 1 more/);
});
