import { aDeadRecord, aLog, place } from '../../test/support/records/dead-letter-fixture';
import type { MemoryLog } from '../../test/support/memory/memory-log';
import type { Clock } from '../process/clock';
import { redrive, type RedriveOptions } from './redrive';
import { planRedrive } from './redrive-plan';
import { scanTopic } from './scan';

const never = new AbortController().signal;
const decision = { by: 'mona', atMs: 0, why: 'repaired' };
const rules = { place, originPartitions: 12, redrivesMax: 3, force: false, limit: Infinity };

/** Its sleeps take no time; the test scripts what happens during them. */
function clockOf(log: MemoryLog, meanwhile: () => void = () => undefined): Clock {
  return {
    nowMs: () => log.nowMs,
    every: () => () => undefined,
    sleep: (ms, signal) => {
      log.nowMs += ms;
      meanwhile();
      return signal?.aborted === true ? Promise.reject(new Error('over')) : Promise.resolve();
    },
  };
}

async function plannedOf(log: MemoryLog) {
  const { letters, readUpTo } = await scanTopic(log, place.topic, never);
  const waiting = letters.filter(({ settled }) => settled === null);
  return { plan: planRedrive(waiting, rules), readUpTo };
}

interface Given extends Partial<RedriveOptions> {
  /** What the group has committed of partition 3 of the origin topic. */
  readonly committed?: () => { readonly offset: number; readonly metadata: string };
  readonly meanwhile?: () => void;
  readonly found?: Awaited<ReturnType<typeof plannedOf>>;
}

async function run(log: MemoryLog, { committed, meanwhile, found, ...over }: Given = {}) {
  const { plan, readUpTo } = found ?? (await plannedOf(log));
  const ports = {
    log,
    producer: log,
    clock: clockOf(log, meanwhile),
    committed: () => {
      const own = committed?.() ?? { offset: -1, metadata: '' };
      return Promise.resolve([{ partition: 3, doneBeyond: 0, ...own }]);
    },
  };
  const options = {
    redriveId: 'r-1',
    decision,
    perSecond: 1_000,
    canaryMs: null,
    readUpTo,
    returnedMax: 20,
  };
  return redrive(plan, ports, { ...options, signal: never, onRedriven: () => undefined, ...over });
}

const originRecords = (log: MemoryLog) =>
  log.sent.filter(({ topic }) => topic === place.originTopic);
const all = { offset: 1_000, metadata: '' };

test('records go back as they came, with how often, and are settled', async () => {
  const log = aLog(3);
  expect(await run(log)).toEqual({ redriven: 3, left: 0, canary: null, returned: 0 });
  expect(originRecords(log)).toEqual(
    ['v0', 'v1', 'v2'].map((value) => ({
      topic: place.originTopic,
      partition: 3,
      key: Buffer.from('k'),
      value: Buffer.from(value),
      headers: {
        own: Buffer.from('mine'),
        'afterbuild-redrive-id': 'r-1',
        'afterbuild-redrive-count': '1',
      },
    })),
  );
  expect((await plannedOf(log)).plan.redrive).toEqual([]);
});

test('a filtered redrive leaves holes, and a second one takes what is in them', async () => {
  const log = aLog(5);
  const { plan, readUpTo } = await plannedOf(log);
  const even = plan.redrive.filter(({ offset }) => offset % 2 === 0);
  await run(log, { found: { plan: { ...plan, redrive: even }, readUpTo } });
  await run(log);
  expect(originRecords(log).map(({ value }) => value?.toString())).toEqual([
    'v0',
    'v2',
    'v4',
    'v1',
    'v3',
  ]);
});

test('a send that fails settles nothing: the next redrive takes the same records', async () => {
  const log = aLog(2);
  log.beforeSend = () => {
    throw new Error('no leader');
  };
  await expect(run(log)).rejects.toThrow('no leader');
  log.beforeSend = () => undefined;
  expect(await run(log)).toMatchObject({ redriven: 2 });
});

test('a crash before the marker repeats the chunk, and loses nothing', async () => {
  const log = aLog(2);
  log.beforeSend = ([first]) => {
    if (first?.topic === place.topic) throw new Error('killed');
  };
  await expect(run(log)).rejects.toThrow('killed');
  log.beforeSend = () => undefined;
  await run(log);
  expect(originRecords(log)).toHaveLength(4);
  expect((await plannedOf(log)).plan.redrive).toEqual([]);
});

test('of two operators with the same plan only one redrives', async () => {
  const log = aLog(4);
  const found = await plannedOf(log);
  await run(log, { found });
  expect(await run(log, { found, redriveId: 'r-2' })).toMatchObject({ redriven: 0, left: 4 });
  expect(originRecords(log)).toHaveLength(4);
});

test('what retention has taken since the plan is left', async () => {
  const log = aLog(3);
  const found = await plannedOf(log);
  log.forget(place.topic, 0, 1);
  expect(await run(log, { found })).toMatchObject({ redriven: 2, left: 1 });
});

test('it keeps to the rate', async () => {
  const log = aLog(50);
  await run(log, { perSecond: 10 });
  // The first chunk goes at once, and nothing waits behind the last.
  expect(log.nowMs).toBeGreaterThanOrEqual(4_600);
  expect(log.nowMs).toBeLessThan(5_000);
});

test('a signal ends it between two chunks; what was written is settled', async () => {
  const log = aLog(10);
  const ending = new AbortController();
  const onRedriven = (count: number) => {
    if (count >= 4) ending.abort();
  };
  const report = await run(log, { perSecond: 8, signal: ending.signal, onRedriven });
  expect(report).toMatchObject({ redriven: 4 });
  expect((await plannedOf(log)).plan.redrive).toHaveLength(6);
});

test('it stops when too many are dead letters again, and says how many', async () => {
  const log = aLog(200);
  const comeBack = (count: number) => {
    if (count > 25) log.append(aDeadRecord({ headers: { 'afterbuild-redrive-id': 'r-1' } }));
  };
  const report = await run(log, { perSecond: 20, returnedMax: 3, onRedriven: comeBack });
  expect(report).toMatchObject({ redriven: 40, returned: 3, canary: null });
});

test('what others redrive and what comes back of theirs does not stop it', async () => {
  const log = aLog(20);
  const comeBack = () => {
    log.append(aDeadRecord({ headers: { 'afterbuild-redrive-id': 'r-0' } }));
  };
  const report = await run(log, { perSecond: 4, returnedMax: 3, onRedriven: comeBack });
  expect(report).toMatchObject({ redriven: 20, returned: 0 });
});

describe('with a canary', () => {
  const canaryMs = 10_000;

  it('the rest follows when the group has committed past it', async () => {
    const log = aLog(3);
    const report = await run(log, { canaryMs, committed: () => all });
    expect(report).toEqual({ redriven: 3, left: 0, canary: 'handled', returned: 0 });
  });

  it('the rest follows when the map of the commit says that it is done', async () => {
    const log = aLog(2);
    log.append({ topic: place.originTopic, partition: 3, key: null, value: null });
    // The canary comes to lie at offset 1, behind a record that is not done.
    const committed = () => ({ offset: 0, metadata: 'afterbuild/1 done=1 span=2 age=3s r=1' });
    expect(await run(log, { canaryMs, committed })).toMatchObject({
      redriven: 2,
      canary: 'handled',
    });
  });

  it('nothing follows while the group does not come past it', async () => {
    const log = aLog(3);
    const report = await run(log, { canaryMs, committed: () => ({ offset: 0, metadata: '' }) });
    expect(report).toMatchObject({ redriven: 1, canary: 'not-reached' });
    expect(log.nowMs).toBeGreaterThanOrEqual(canaryMs);
    expect((await plannedOf(log)).plan.redrive).toHaveLength(2);
  });

  it.each([
    ['is a dead letter again', 'returned', () => place.topic],
    ['waits in a retry topic', 'retrying', () => place.retryTopics[0] ?? ''],
  ])('nothing follows when it %s', async (_, canary, topic) => {
    const log = aLog(3);
    const fails = () => {
      const headers = { 'afterbuild-redrive-id': 'r-1', 'afterbuild-redrive-count': '1' };
      log.append(aDeadRecord({ topic: topic(), partition: 2, headers }));
      return all;
    };
    expect(await run(log, { canaryMs, committed: fails })).toMatchObject({ redriven: 1, canary });
    expect(originRecords(log)).toHaveLength(1);
  });

  it('a dead letter of an earlier redrive is not taken for it', async () => {
    const log = aLog(2);
    log.append(aDeadRecord({ headers: { 'afterbuild-redrive-id': 'r-0' } }));
    const report = await run(log, { canaryMs, committed: () => all });
    expect(report).toMatchObject({ redriven: 3, canary: 'handled', returned: 0 });
  });

  it('the first that is still to be had is the canary', async () => {
    const log = aLog(3);
    const found = await plannedOf(log);
    log.forget(place.topic, 0, 0);
    const report = await run(log, { found, canaryMs, committed: () => all });
    expect(report).toMatchObject({ redriven: 2, left: 1, canary: 'handled' });
  });

  it('a signal ends the waiting for it', async () => {
    const log = aLog(2);
    const ending = new AbortController();
    const meanwhile = () => ending.abort();
    const report = await run(log, { canaryMs, signal: ending.signal, meanwhile });
    expect(report).toMatchObject({ redriven: 1, canary: 'interrupted' });
  });
});
