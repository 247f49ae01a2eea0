import { decideFlag, describeFlag } from './flags';
import { linesOf } from './status-lines';

const asked = {
  process: 'artifact-deleter',
  name: 'pause',
  value: 'true',
  reason: 'maintenance',
  author: 'anna',
};

test('a flag is decided with author, reason and expiry', () => {
  expect(decideFlag({ ...asked, expires: '2h' }, 1_000)).toMatchObject({
    kind: 'flag',
    author: 'anna',
    reason: 'maintenance',
    atMs: 1_000,
    flag: { process: 'artifact-deleter', name: 'pause', value: 'true', expiresAtMs: 7_201_000 },
  });
  expect(decideFlag(asked, 1_000).flag?.expiresAtMs).toBeNull();
});

test.each([
  [
    { name: 'colour' },
    'There is no flag colour; there are pause, rate, concurrency, loop-limit, dry-run, redis-guard.',
  ],
  [{ process: 'janitor' }, /^There is no process janitor; there are expired-artifacts, .* all\.$/],
  [{ value: 'false' }, 'pause must be true (afterbuild flags unset ends it), not false.'],
  [
    { name: 'loop-limit', value: '5' },
    'loop-limit is known to expired-artifacts and finished-builds only.',
  ],
  [
    { process: 'expired-artifacts', name: 'loop-limit', value: '5' },
    /must be a whole number from 1000/,
  ],
  [{ expires: 'soon' }, '--expires must be a duration like 2h, 90m or 1d12h, not soon.'],
  [{ reason: ' ' }, '--reason must say why.'],
  [{ author: '' }, '--author must name who decides.'],
])('%j is refused in one sentence', (wrong, sentence) => {
  expect(() => decideFlag({ ...asked, ...wrong }, 0)).toThrow(sentence);
});

const flag = {
  process: 'all',
  name: 'rate' as const,
  value: '100',
  author: 'anna',
  reason: 'busy',
  atMs: 0,
  expiresAtMs: 7_200_000,
};

test('a flag is described by what it does, since when, for how long, who signed it and why', () => {
  expect(describeFlag(flag, 60_000)).toBe(
    'all: rate 100, since 1m00s, for 1h59m more, signed anna: busy',
  );
  expect(describeFlag({ ...flag, expiresAtMs: null }, 0)).toMatch(/until it is taken back/);
});

test('the lines of a process say state, instances, work, dead letters and flags', () => {
  const instance = {
    process: 'artifact-deleter',
    instance: 'pod-1',
    startedAtMs: 0,
    atMs: 0,
    state: 'held',
    sinceMs: 0,
    cause: 'connect ECONNREFUSED',
    partitions: 12,
    recordsPerSecond: 0,
    bufferedRecords: 0,
    oldestRecordAtMs: 0,
    concurrency: 4,
    breakers: [],
    flags: [],
    setAside: [
      { table: 'p_ci_job_artifacts', field: 'created_at', count: 3, ids: ['100:7', '100:9'] },
    ],
    redisRooms: [],
    redisGuard: null,
    causes: ['connect ECONNREFUSED'],
    work: null,
    silentForMs: null,
  };
  const report = {
    process: 'artifact-deleter' as const,
    state: 'held' as const,
    sentence: 'held: S3 breaker open 4m12s',
    recordsLeft: 12_345,
    kafkaLag: 12_400,
    oldestMs: 370_000,
    recordsPerSecond: 120,
    etaMs: null,
    isMoving: false,
    work: null,
    wholeEtaMs: null,
    lost: 0,
    deadLetters: 2,
    instances: [instance, { ...instance, silentForMs: 60_000 }],
    flags: [flag],
  };
  expect(linesOf(report, 60_000)).toEqual([
    'artifact-deleter  held: S3 breaker open 4m12s',
    '  because       connect ECONNREFUSED',
    '  instances     2: 1 held, 1 silent',
    "  work left     12345 records, Kafka's own lag 12400, the oldest has waited 6m10s, 120 records/s",
    '  dead letters  2 (afterbuild dlq list)',
    '  set aside     3 rows of p_ci_job_artifacts for their created_at: 100:7, 100:9, ...',
    '  flag          all: rate 100, since 1m00s, for 1h59m more, signed anna: busy',
  ]);
});
