import { systemClock } from '../../process/clock';
import {
  at,
  createFixture,
  eventually,
  gate,
  other,
} from '../../../test/support/memory/runtime-fixture';
import { FetchedRecord } from '../../kafka/fetched-record';
import { done } from '../outcome';

test('one partition with many ready lanes does not keep another from its slot', async () => {
  const { client, runtime, handled, committed } = createFixture(
    async () => {
      await new Promise(setImmediate);
      return done;
    },
    { maxRecords: 1, lanes: 8 },
    { concurrency: 1 },
  );
  await runtime.start();
  for (let index = 0; index < 200; index += 1) client.append(at, `key-${index}`, 'x');
  for (let index = 0; index < 10; index += 1) client.append(other, 'a', 'x');
  client.join([at, other]);
  await eventually(() => client.paused.size === 0);
  await client.fetch();
  await eventually(() => committed() === 200 && committed(1) === 10);
  const places = handled.flatMap(({ partition }, place) => (partition === 1 ? place : []));
  // Every other slot, once both have something to do.
  expect(places.at(-1)).toBeLessThan(40);
});

test('a store that answers late is asked for less at once', async () => {
  let nowMs = 0;
  const clock = { ...systemClock, nowMs: () => nowMs };
  let latencyMs = 10;
  const { client, runtime, committed, join } = createFixture(
    () => {
      nowMs += latencyMs;
      return done;
    },
    { maxRecords: 1, lanes: 8, concurrency: 'adaptive' },
    { concurrency: 8 },
    clock,
  );
  await runtime.start();
  expect(runtime.state().limit).toBe(2);
  await join();
  const work = async (records: number): Promise<void> => {
    const from = committed() ?? 0;
    for (let index = 0; index < records; index += 1) client.append(at, `key-${index}`, 'x');
    await client.fetch();
    await eventually(() => committed() === from + records);
  };
  await work(400);
  expect(runtime.state().limit).toBeGreaterThan(2);
  latencyMs = 500;
  await work(50);
  expect(runtime.state().limit).toBe(1);
});

test('what every member reads needs no slot: operators are heard while all of them are taken', async () => {
  const everyMember = { start: 'beginning', readers: 'every-member' } as const;
  const { opened, open } = gate();
  const { client, runtime, handled } = createFixture(
    () => opened.then(() => done),
    { ...everyMember, maxRecords: 1, lanes: 2 },
    { concurrency: 1 },
  );
  await runtime.start();
  for (const partition of [at, other]) client.append(partition, 'a', 'x');
  client.join([at, other]);
  await eventually(() => client.paused.size === 0);
  await client.fetch();
  await eventually(() => handled.length === 2);
  open();
});

test('only records that wait are copied out of the response they came in', async () => {
  const { opened, open } = gate();
  const { client, runtime, committed, join } = createFixture(
    ({ value }) => (value === 'slow' ? opened.then(() => done) : done),
    { maxRecords: 1, lanes: 2 },
  );
  const { records } = client.log(at);
  const views = new Map<number, Buffer>();
  const respond = (...values: string[]): void => {
    const response = Buffer.from(values.join(''));
    let from = 0;
    for (const text of values) {
      const value = response.subarray(from, (from += text.length));
      const offset = records.length;
      views.set(offset, value);
      // Without a key: its offset is its lane.
      records.push(new FetchedRecord({ offset, key: null, value, timestampMs: 0 }));
    }
    client.log(at).end = records.length;
  };
  const copied = (): number[] =>
    records.flatMap(({ offset, value }) => (value === views.get(offset) ? [] : [offset]));
  await runtime.start();
  respond('slow', 'quick', 'behind');
  await join();
  await client.fetch();
  await eventually(() => runtime.state().partitions[0]!.bufferedRecords === 2);
  expect(copied()).toEqual([]);
  respond('even', 'quick');
  await client.fetch();
  await eventually(() => runtime.state().partitions[0]!.bufferedRecords === 3);
  expect(copied()).toEqual([0, 2]);
  // A rejoin pauses: nothing is fetched for a while.
  const rejoin = client.rejoin([at]);
  open();
  await rejoin;
  await eventually(() => committed() === 5);
  expect(copied()).toEqual([0, 2, 4]);
  expect(records.map(({ value }) => String(value))).toEqual([
    'slow',
    'quick',
    'behind',
    'even',
    'quick',
  ]);
});

test.each([
  ['60 bytes', 60, 12_000],
  ['1 MB', 1_000_000, 30],
  ['10 MB', 10_000_000, 8],
])('records of %s: what is held in memory has a bound, for any lag', async (_, size, count) => {
  const mebibyte = 1_048_576;
  const settings = { partitionBufferBytes: 4 * mebibyte, processBufferBytes: 6 * mebibyte };
  const partitions = [0, 1, 2, 3].map((partition) => ({ topic: 'things', partition }));
  const { opened, open } = gate();
  const { client, runtime } = createFixture(
    () => opened.then(() => done),
    { maxRecords: 1 },
    { ...settings, partitionBufferRecords: 1_000_000, windowRecords: 1_000_000 },
  );
  await runtime.start();
  // Only their size counts; the bytes need not exist.
  for (const partition of partitions) {
    const log = client.log(partition);
    for (let offset = 0; offset < count; offset += 1) {
      const parts = { offset, key: Buffer.from(`key-${offset}`), value: null, timestampMs: 0 };
      log.records.push(Object.assign(new FetchedRecord(parts), { sizeBytes: size }));
    }
    log.end = count;
  }
  client.join(partitions);
  await eventually(() => client.paused.size === 0);
  // One fetch: a mebibyte, or one record that is larger; each record with its overhead.
  const fetchRecords = Math.max(1, Math.floor(mebibyte / size));
  const fetchBytes = fetchRecords * (size + 256);
  const fetch = () => client.fetch(fetchRecords);
  const held = () => runtime.state().partitions.map(({ bufferedBytes }) => bufferedBytes);
  // Until intake takes nothing more: all partitions are paused, or all records have been read.
  while ((await fetch()) > 0) {
    const total = held().reduce((sum, bytes) => sum + bytes, 0);
    expect(Math.max(...held())).toBeLessThan(settings.partitionBufferBytes + fetchBytes);
    expect(total).toBeLessThan(settings.processBufferBytes + partitions.length * fetchBytes);
  }
  expect(client.paused.size).toBeGreaterThan(0);
  open();
  await runtime.stop(10_000);
});

test('records that wait without being fetched are at least as old as the partition is ours', async () => {
  let nowMs = 5_000;
  const { opened, open } = gate();
  const { client, runtime, join } = createFixture(
    () => opened.then(() => done),
    {},
    {},
    { ...systemClock, nowMs: () => nowMs },
  );
  const oldest = () => runtime.state().partitions[0]?.oldestTimestampMs;
  await runtime.start();
  client.append(at, 'a', 'x');
  await join();
  nowMs = 65_000;
  expect(oldest()).toBe(5_000);
  await client.fetch();
  expect(oldest()).toBe(client.log(at).records[0]?.timestampMs);
  open();
  await eventually(() => oldest() === null);
});

test('a full buffer that one micro-batch empties is filled again', async () => {
  const { opened, open } = gate();
  const { client, runtime, handled, committed, join } = createFixture(
    () => opened.then(() => done),
    { lanes: 1 },
    { partitionBufferRecords: 4 },
  );
  await runtime.start();
  for (let index = 0; index < 20; index += 1) client.append(at, 'a', 'x');
  await join();
  await client.fetch(10);
  expect(client.paused.has('things/0')).toBe(true);
  open();
  await eventually(() => committed() === 10);
  await client.fetch(10);
  await eventually(() => committed() === 20);
  expect(handled).toHaveLength(20);
});
