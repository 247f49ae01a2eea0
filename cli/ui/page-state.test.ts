import { reportOf } from '../../lib/control/status-report';
import { nothingCaptured } from './capture';
import { captureSeverity, countersOf, curvesOf, pageStateOf, type Reading } from './page-state';
import { Rates } from './rates';

const at = (atMs: number, logEnd: number, done: number): Reading => {
  const place = { partition: 0, logStart: 0, doneBeyond: 0 };
  return {
    atMs,
    processes: [
      {
        report: reportOf(
          {
            ...{ process: 'artifact-deleter', instances: [], deadLetters: 2, flags: [] },
            work: { records: logEnd - done, lost: 0, kafkaLag: logEnd - done },
          },
          atMs,
        ),
        partitions: [
          { ...place, topic: 'artifacts.expired', logEnd, committed: done },
          { ...place, topic: 'artifacts.expired.retry', logEnd: 1_000, committed: 0 },
        ],
        group: null,
      },
    ],
    failed: [
      {
        ...{ kind: 'dead-letters', topic: 't.dlq', fullTopic: 't.dlq', group: 'artifact-deleter' },
        ...{ count: 2, isPartial: false, oldestAtMs: 0, causes: [] },
      },
    ],
    captured: nothingCaptured,
    problems: [],
  };
};

test('the arrows have the rates of the log’s end and of what is done, retry topics left out', () => {
  const rates = new Rates();
  for (const reading of [at(0, 100, 50), at(10_000, 200, 90)]) {
    rates.look(reading.atMs, countersOf(reading));
  }
  const state = pageStateOf(at(10_000, 200, 90), rates, '');
  expect(state.arrows).toEqual({
    'in/artifact-deleter': 10,
    'done/artifact-deleter': 4,
    'items/artifact-deleter': null,
  });
  expect(curvesOf(state)).toEqual({
    'left/artifact-deleter': 110,
    'rate/artifact-deleter': 4,
    deadLetters: 2,
    captureDelay: null,
    freed: null,
    redisUsed: null,
  });
  expect(state.nodes).toEqual({ 'artifact-deleter': 'bad', connect: 'off' });
});

test('freed bytes are shown with their rate, an instance that is gone does not count backwards', () => {
  const rates = new Rates();
  const freed = (atMs: number, bytesFreed: number): Reading => {
    const [one] = at(atMs, 100, 50).processes;
    const work = {
      ...{ unit: 'artifacts', inDatabase: null, isEstimate: false, dueForMs: null },
      ...{ inFlight: 0, waitsFor: null, perSecond: 0, bytesFreed },
    };
    return {
      ...at(atMs, 100, 50),
      processes: [{ ...one!, report: { ...one!.report, work } }],
    };
  };
  for (const reading of [freed(0, 1_000), freed(10_000, 6_000)]) {
    rates.look(reading.atMs, countersOf(reading));
  }
  const state = pageStateOf(freed(10_000, 6_000), rates, '');
  expect(state.freed).toEqual([{ process: 'artifact-deleter', bytes: 6_000, perSecond: 500 }]);
  expect(curvesOf(state)['freed']).toBe(500);
  rates.look(12_000, countersOf(freed(12_000, 10)));
  expect(pageStateOf(freed(12_000, 10), rates, '').freed[0]?.perSecond).toBe(0);
});

test('fifty instances and a million records of lag stay a small text for each viewer', () => {
  const status = (name: number) => ({
    ...{ process: 'artifact-deleter', instance: `a-pod-with-a-long-name-${name}`, startedAtMs: 0 },
    ...{ atMs: 9_000, state: 'working', sinceMs: 0, cause: null, causes: [], partitions: 1 },
    ...{ recordsPerSecond: 9, bufferedRecords: 9, oldestRecordAtMs: 1, concurrency: 4 },
    ...{ breakers: [], flags: [], setAside: [], redisRooms: [], redisGuard: null, work: null },
  });
  const instances = Array.from({ length: 50 }, (_, name) => status(name));
  const partitions = instances.map((_, partition) => ({
    ...{ topic: 'artifacts.expired', partition, logStart: 0, logEnd: 20_000 },
    ...{ committed: 0, doneBeyond: 0 },
  }));
  const work = { records: 1_000_000, lost: 0, kafkaLag: 1_000_000 };
  const known = {
    process: 'artifact-deleter' as const,
    instances,
    work,
    deadLetters: 0,
    flags: [],
  };
  const one = { report: reportOf(known, 10_000), partitions, group: null };
  const state = pageStateOf({ ...at(10_000, 1, 0), processes: [one] }, new Rates(), '');
  expect(state.processes[0]).toMatchObject({ recordsLeft: 1_000_000, kafkaLag: 1_000_000 });
  expect(state.processes[0]!.instances).toHaveLength(50);
  expect(JSON.stringify(state).length).toBeLessThan(40_000);
});

test('a connector without a sign of life for a minute is red', () => {
  const beat = { ...nothingCaptured, heartbeatAtMs: 0 };
  expect([1_000, 61_000].map((ms) => captureSeverity(beat, ms))).toEqual(['good', 'bad']);
});
