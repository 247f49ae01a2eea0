import { systemClock } from '../process/clock';
import { at, createFixture, eventually, gate, other } from '../../test/support/runtime-fixture';
import { done } from './outcome';

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
  await runtime.stop(1_000);
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
  await runtime.stop(1_000);
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
  await runtime.stop(1_000);
});
