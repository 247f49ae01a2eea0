import { systemClock, type Clock } from '../../process/clock';
import { at, createFixture, eventually, other } from '../../../test/support/memory/runtime-fixture';
import { failureHeaders } from '../failure-headers';
import type { FailurePolicy } from '../failure-policy';
import { laneOf } from '../lanes/lane';
import { done, doneWithLess, retry } from '../outcome';
import type { ConsumedRecord } from '../subscription';

const lanes = 4;
class Unavailable extends Error {}
const away = retry(new Unavailable('500'));
const failures: FailurePolicy = {
  needs: ['s3'],
  classify: (error) =>
    error instanceof Unavailable ? { kind: 'hold', dependency: 's3' } : { kind: 'transient' },
  retryTopics: [{ topic: 'things.group.retry.30s', delayMs: 30_000 }],
  deadLetters: 'things.group.dlq',
};

/** Breakers wait for seconds; here a second takes twenty milliseconds. */
const fast: Clock = {
  ...systemClock,
  nowMs: () => 50 * performance.now(),
  sleep: (ms, signal) => systemClock.sleep(ms / 50, signal),
};

/** One record for each lane, in the order of the lanes. */
const keys = Array.from({ length: lanes }, (_, lane) => {
  for (let name = 0; ; name += 1) {
    if (laneOf(Buffer.from(`key-${name}`), 0, lanes) === lane) return `key-${name}`;
  }
});

type Handle = (record: ConsumedRecord<string>) => typeof done;

function created(handle: Handle, over = {}) {
  const fixture = createFixture(
    handle,
    { failures, lanes, ...over },
    { retryFirstMs: 100, retryMaxMs: 1_000 },
    fast,
  );
  const { client, runtime, handled } = fixture;
  let fed = 0;
  /** A bad record is the first of the first lane of the first partition. */
  const begin = async (mates = 0): Promise<void> => {
    await runtime.start();
    client.append(at, keys[0]!, 'bad');
    for (let mate = 0; mate < mates; mate += 1) client.append(at, keys[0]!, 'mate');
    client.join([at, other]);
    await eventually(() => client.paused.size === 0);
    await client.fetch();
    await eventually(() => runtime.state().breakers[0]?.state === 'open');
  };
  /** Records for all lanes but that one, once they have finished. */
  const feed = (): void => {
    if (runtime.state().partitions.some(({ retryingLanes }) => retryingLanes > 1)) return;
    if (handled.filter(({ value }) => value === 'good').length < fed) return;
    for (const key of keys.slice(1)) client.append(at, key, 'good');
    for (const key of keys) client.append(other, key, 'good');
    fed += 2 * lanes - 1;
  };
  return { ...fixture, begin, feed };
}

test('a record that alone finds a dependency away does not stall the others, and goes to the retry topic', async () => {
  const { begin, feed, client, runtime, letters, lines, handled } = created(({ value }) =>
    value === 'bad' ? away : done,
  );
  await begin();
  await eventually(() => {
    feed();
    void client.fetch();
    return letters.length > 0;
  });
  expect(letters.map(({ value }) => String(value))).toEqual(['bad']);
  expect(letters[0]).toMatchObject({ headers: { [failureHeaders.attempts]: '5' } });
  // At least so often: found unavailable for the first time, contradicted twice, then tried for its own reasons.
  expect(handled.filter(({ value }) => value === 'bad').length).toBeGreaterThanOrEqual(1 + 2 + 5);
  await eventually(() => runtime.state().breakers.length === 0);
  expect(lines.filter(({ event }) => event === 'lane.stuck')).toEqual([]);
});

test('in a single partition, too: what is behind the record is fetched, and contradicts it', async () => {
  const fixture = created(({ value }) => (value === 'bad' ? away : done), { maxRecords: 1 });
  const { client, runtime, letters } = fixture;
  await runtime.start();
  client.append(at, keys[0]!, 'bad');
  await fixture.join();
  await client.fetch();
  await eventually(() => {
    if (client.position(at) === client.log(at).end) client.append(at, keys[1]!, 'good');
    void client.fetch();
    return letters.length > 0;
  });
});

test('records of the same micro-batch are not blamed with it: they are tried one by one', async () => {
  const { begin, feed, client, letters, handled, committed } = created(
    ({ value }) => (value === 'bad' ? away : done),
    {
      handle: (records: readonly ConsumedRecord<string>[]) => {
        handled.push(...records);
        const isBad = records.some(({ value }) => value === 'bad');
        return Promise.resolve(records.map(() => (isBad ? away : done)));
      },
    },
  );
  await begin(3);
  await eventually(() => {
    feed();
    void client.fetch();
    return letters.length > 0;
  });
  expect(letters.map(({ value }) => String(value))).toEqual(['bad']);
  await eventually(() => committed() === client.log(at).end);
});

test('an outage that comes and goes counts no attempt: who failed in it succeeds when it is over', async () => {
  let isAway = true;
  const { begin, client, runtime, letters, committed } = created(() => (isAway ? away : done));
  await begin();
  for (let outage = 0; outage < 10; outage += 1) {
    isAway = false;
    await eventually(
      () => runtime.state().breakers.length === 0 || committed() === client.log(at).end,
    );
    isAway = true;
    for (const key of keys) client.append(at, key, 'good');
    for (const key of keys) client.append(other, key, 'good');
    const before = runtime.state().partitions[0]?.doneBelow;
    await eventually(() => {
      void client.fetch();
      return runtime.state().breakers[0]?.state === 'open' && before !== null;
    });
  }
  isAway = false;
  await eventually(() => {
    void client.fetch();
    return committed() === 41 && committed(1) === 40;
  });
  expect(letters).toEqual([]);
});

test('no record succeeds: however often each of many records was the probe, no attempt is counted', async () => {
  const { begin, client, letters, handled } = created(() => away);
  await begin();
  for (const key of keys) client.append(at, key, 'good');
  for (const key of keys) client.append(other, key, 'good');
  await eventually(() => {
    void client.fetch();
    return new Set(handled.map(({ partition, key }) => `${partition} ${key}`)).size === 2 * lanes;
  });
  const before = handled.length;
  await eventually(() => handled.length >= before + 10);
  expect(letters).toEqual([]);
});

test('a record that was done without the dependency contradicts no other', async () => {
  let isAway = true;
  const needsLess = ({ value }: ConsumedRecord<string>) => (value === 'bad' ? away : doneWithLess);
  const { begin, feed, client, letters, handled, committed } = created((record) =>
    isAway ? needsLess(record) : done,
  );
  await begin();
  const tried = (): number => handled.filter(({ value }) => value === 'bad').length;
  await eventually(() => {
    feed();
    void client.fetch();
    return tried() > 1 + 2 + 5;
  });
  isAway = false;
  await eventually(() => {
    void client.fetch();
    return committed() === client.log(at).end;
  });
  expect(letters).toEqual([]);
});
