import { systemClock } from '../../process/clock';
import { at, createFixture, eventually } from '../../../test/support/memory/runtime-fixture';
import {
  Away,
  Bug,
  Capped,
  failures,
  NotYet,
  patienceMs,
  started,
} from '../../../test/support/memory/failing-runtime';
import { failureHeaders, writeFailure } from '../failure-headers';
import { done, retry } from '../outcome';
import { UndecodableRecordError } from '../poison';

test('an unavailable dependency holds: no attempt is counted, no record is sent on, all is done after it', async () => {
  let isAway = true;
  const tries: number[] = [];
  const fixture = await started(({ offset }) => {
    tries.push(offset);
    return isAway ? retry(new Away('gone')) : done;
  });
  const { client, runtime, letters, lines, committed, join } = fixture;
  for (let index = 0; index < 40; index += 1) client.append(at, `key-${index}`, 'x');
  await join();
  await client.fetch();
  await eventually(() => runtime.state().breakers[0]?.state === 'open');
  expect(runtime.state().breakers[0]).toMatchObject({ dependency: 's3', cause: 'gone' });
  expect(runtime.state().partitions[0]?.held).toBe('s3: gone');
  expect(client.paused.has('things/0')).toBe(true);
  expect(runtime.ready()).toBe(true);
  isAway = false;
  await eventually(() => committed() === 40);
  await eventually(() => !client.paused.has('things/0'));
  expect(letters).toEqual([]);
  expect(lines.filter(({ event }) => event === 'breaker.open')).toHaveLength(1);
});

test('a partition that comes while the breaker is open, and holds no record yet, can be the probe', async () => {
  let isAway = true;
  const fixture = await started(() => (isAway ? retry(new Away('gone')) : done));
  const { client, runtime, committed, join } = fixture;
  for (let index = 0; index < 10; index += 1) client.append(at, `key-${index}`, 'x');
  await join();
  await client.fetch();
  await eventually(() => runtime.state().breakers[0]?.state === 'open');
  client.join([at], 'under another name');
  isAway = false;
  await eventually(() => !client.paused.has('things/0'));
  await client.fetch();
  await eventually(() => committed() === 10);
});

test('a record that fails for its own reasons goes on to the retry topic, byte for byte, and then the offset moves', async () => {
  const { client, letters, handled, committed, join } = await started(({ value }) =>
    value === 'bad' ? retry(new TypeError('it cannot be')) : done,
  );
  client.append(at, 'a', 'fine');
  client.append(at, 'a', 'bad', 0, { own: 'header' });
  client.append(at, 'a', 'fine');
  await join();
  await client.fetch();
  await eventually(() => committed() === 3);
  expect(handled.filter(({ value }) => value === 'bad')).toHaveLength(5);
  expect(letters).toHaveLength(1);
  expect(letters[0]).toMatchObject({
    topic: 'things.group.retry.30s',
    partition: 0,
    key: Buffer.from('a'),
    value: Buffer.from('bad'),
    headers: {
      own: Buffer.from('header'),
      [failureHeaders.originTopic]: 'things',
      [failureHeaders.originOffset]: '1',
      [failureHeaders.attempts]: '5',
      [failureHeaders.errorClass]: 'TypeError',
      [failureHeaders.errorKind]: 'transient',
    },
  });
});

test('poison is a dead letter at once; the records of its lane go on', async () => {
  const { client, runtime, letters, handled, committed, join } = await started(() => done, {
    decode: (value: Buffer | null) => {
      if (value?.toString() === 'bad') throw new UndecodableRecordError('damaged', 'not-a-value');
      return 'fine';
    },
  });
  for (const value of ['fine', 'bad', 'fine', 'bad']) client.append(at, 'a', value);
  await join();
  await client.fetch();
  await eventually(() => committed() === 4);
  expect(handled).toHaveLength(2);
  expect(
    letters.map(({ topic, headers }) => [topic, headers?.[failureHeaders.poisonReason]]),
  ).toEqual([
    ['things.group.dlq', 'not-a-value'],
    ['things.group.dlq', 'not-a-value'],
  ]);
  expect(runtime.ready()).toBe(true);
});

test('what is not there in time goes to the retry topic: only its last tries are counted', async () => {
  const sinceMs = performance.now();
  const fixture = await started(
    ({ value }) => (value === 'late' ? retry(new NotYet('not yet')) : done),
    { lanes: 1 },
  );
  const { client, letters, handled, committed, join } = fixture;
  for (const value of ['late', 'fine']) client.append(at, 'a', value);
  await join();
  await client.fetch();
  await eventually(() => committed() === 2);
  expect(performance.now() - sinceMs).toBeGreaterThanOrEqual(patienceMs);
  expect(letters).toMatchObject([
    { topic: 'things.group.retry.30s', headers: { [failureHeaders.attempts]: '5' } },
  ]);
  expect(handled.length).toBeGreaterThan(7);
});

test('a wait that has no end uses up no patience with the next one', async () => {
  const sinceMs = performance.now();
  let late = 0;
  const fixture = await started(() => {
    if (performance.now() - sinceMs < 2 * patienceMs) return retry(new Capped('the cap'));
    // So often may a record fail for its own reasons: the first time begins its patience.
    return late++ < 5 ? retry(new NotYet('not yet')) : done;
  });
  const { client, letters, committed, join } = fixture;
  client.append(at, 'a', 'x');
  await join();
  await client.fetch();
  await eventually(() => committed() === 1);
  expect(letters).toEqual([]);
});

test('what is left of a batch record is what is tried again, and what goes to the retry topic', async () => {
  const seen: unknown[] = [];
  const { client, letters, committed, join } = await started(({ value }) => {
    seen.push(value);
    return retry(new Error('one is denied'), ['c']);
  });
  client.append(at, 'a', 'whole');
  await join();
  await client.fetch();
  await eventually(() => committed() === 1);
  expect(seen).toEqual(['whole', ['c'], ['c'], ['c'], ['c']]);
  expect(letters).toMatchObject([
    { value: Buffer.from('["c"]'), headers: { [failureHeaders.splitItems]: '1' } },
  ]);
});

test('a bug of ours throws nothing out: the lane holds, readiness turns red, and a repair is enough', async () => {
  let isBroken = true;
  const { client, runtime, letters, lines, committed, join } = await started(() =>
    isBroken ? retry(new Bug('undefined is not a function')) : done,
  );
  client.append(at, 'a', 'x');
  await join();
  await client.fetch();
  await eventually(() => !runtime.ready());
  expect(runtime.state().partitions[0]?.halts).toEqual(['undefined is not a function']);
  expect(letters).toEqual([]);
  isBroken = false;
  await eventually(() => committed() === 1);
  expect(runtime.ready()).toBe(true);
  expect(lines.filter(({ event }) => event === 'lane.stuck')).toHaveLength(1);
});

test('when everything fails it is not the records: after a run of letters the lanes hold instead', async () => {
  let isBroken = true;
  const { client, runtime, letters, committed, join } = await started(
    () => (isBroken ? retry(new Error('no such bucket')) : done),
    {},
    { failureRunMax: 20 },
  );
  for (let index = 0; index < 200; index += 1) client.append(at, `key-${index}`, 'x');
  await join();
  await client.fetch();
  await eventually(() => !runtime.ready());
  // Micro-batches that were already settled may end above the mark: at most one for each lane.
  expect(letters.length).toBeGreaterThanOrEqual(20);
  expect(letters.length).toBeLessThan(200);
  const before = letters.length;
  isBroken = false;
  await eventually(() => committed() === 200);
  expect(letters).toHaveLength(before);
});

test('a record of a retry topic waits for its time, keeps its origin, and goes on to the next delay', async () => {
  const clock = { ...systemClock, nowMs: () => Date.now() };
  const fixture = createFixture(
    () => retry(new Error('still not')),
    { failures, retry: { level: 0, delayMs: 50 } },
    {},
    clock,
  );
  const { client, runtime, letters, handled, committed, join } = fixture;
  await runtime.start();
  const origin = { topic: 'things', partition: 2, offset: 77, timestampMs: 5 };
  const earlier = { origin, group: 'group', attempts: 5, firstAtMs: 1_000, lastAtMs: 2_000 };
  const error = new Error('not yet');
  // Written by a worker whose clock is a day ahead: the topic's delay is the longest wait.
  const notBeforeMs = Date.now() + 86_400_000;
  client.append(at, 'a', 'x', 0, writeFailure({ ...earlier, error, notBeforeMs }));
  await join();
  const fetchedAtMs = Date.now();
  await client.fetch();
  await eventually(() => committed() === 1);
  expect(Date.now() - fetchedAtMs).toBeGreaterThanOrEqual(49);
  expect(handled[0]).toMatchObject({ timestampMs: 5, maybeRepeated: true });
  expect(letters).toMatchObject([
    {
      topic: 'things.group.retry.2m',
      partition: 2,
      headers: {
        [failureHeaders.originTopic]: 'things',
        [failureHeaders.originOffset]: '77',
        [failureHeaders.attempts]: '10',
        [failureHeaders.firstFailureAt]: new Date(1_000).toISOString(),
      },
    },
  ]);
});

test('flags pause the work and bound its rate; what is only read goes on', async () => {
  const { client, runtime, handled, committed, join } = await started(() => done);
  runtime.steer({ paused: true });
  for (let index = 0; index < 20; index += 1) client.append(at, `key-${index}`, 'x');
  client.join([at]);
  await eventually(() => runtime.state().partitions[0]?.doneBelow === 0);
  await client.fetch();
  expect(handled).toEqual([]);
  expect(client.paused.has('things/0')).toBe(true);
  runtime.steer({ paused: false, recordsPerSecond: 1_000 });
  await eventually(() => !client.paused.has('things/0'));
  await client.fetch();
  await eventually(() => committed() === 20);
  await join();
});
