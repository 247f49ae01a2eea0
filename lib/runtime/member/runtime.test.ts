import { array, assert, asyncProperty, constantFrom, integer, record } from 'fast-check';
import { systemClock } from '../../process/clock';
import {
  at,
  createFixture,
  eventually,
  gate,
  quick,
} from '../../../test/support/memory/runtime-fixture';
import { encodeCommitMap } from '../../kafka/commit-map';
import { done, retry, WrongOutcomesError } from '../outcome';
import { UndecodableRecordError } from '../poison';

test('every record is delivered, in order within its key, with any retries', async () => {
  await assert(
    asyncProperty(
      array(
        record({ key: constantFrom('a', 'b', 'c', 'd'), failures: integer({ min: 0, max: 2 }) }),
        {
          minLength: 1,
          maxLength: 60,
        },
      ),
      integer({ min: 1, max: 7 }),
      async (planned, maxRecords) => {
        const failed = new Map<number, number>();
        const finished: { key: string | null; offset: number }[] = [];
        const { client, runtime, committed } = createFixture(
          ({ offset, key }) => {
            const times = failed.get(offset) ?? 0;
            failed.set(offset, times + 1);
            if (times < (planned[offset]?.failures ?? 0)) return retry(new Error('not yet'));
            finished.push({ key, offset });
            return done;
          },
          { maxRecords, lanes: 3 },
        );
        await runtime.start();
        planned.forEach(({ key }) => client.append(at, key, 'x'));
        client.join([at]);
        await eventually(() => !client.paused.has('things/0'));
        await client.fetch();
        await eventually(() => committed() === planned.length);
        await runtime.stop(1_000);
        expect(finished).toHaveLength(planned.length);
        expect(new Set(finished.map(({ offset }) => offset)).size).toBe(planned.length);
      },
    ),
    { numRuns: 30 },
  );
});

test('records of one key never overtake each other', async () => {
  const order = new Map<string, number[]>();
  const { client, runtime, committed, join } = createFixture(
    async ({ key, offset }) => {
      await new Promise(setImmediate);
      order.set(key ?? '', [...(order.get(key ?? '') ?? []), offset]);
      return done;
    },
    { maxRecords: 1, lanes: 4 },
  );
  await runtime.start();
  for (let index = 0; index < 200; index += 1) client.append(at, `key-${index % 9}`, 'x');
  await join();
  await client.fetch();
  await eventually(() => committed() === 200);
  await runtime.stop(1_000);
  for (const offsets of order.values()) expect(offsets).toEqual([...offsets].sort((a, b) => a - b));
  expect(order.size).toBe(9);
});

test('one stuck record holds the prefix, not the other lanes; the map tells the next holder what is done', async () => {
  const first = createFixture(
    ({ offset }) => (offset === 0 ? new Promise(() => undefined) : done),
    {
      maxRecords: 1,
    },
  );
  await first.runtime.start();
  for (let index = 0; index < 40; index += 1) first.client.append(at, `key-${index}`, 'x');
  await first.join();
  await first.client.fetch();
  const doneBeyond = (): number =>
    Number(/done=(\d+)/.exec(first.client.committed.get('things/0')?.metadata ?? '')?.[1] ?? 0);
  await eventually(() => doneBeyond() > 20);
  expect(first.committed()).toBe(0);
  const known = doneBeyond();

  const second = createFixture(() => done);
  await second.runtime.start();
  for (let index = 0; index < 40; index += 1) second.client.append(at, `key-${index}`, 'x');
  second.client.committed.set('things/0', first.client.committed.get('things/0')!);
  await second.join();
  await second.client.fetch();
  await eventually(() => second.committed() === 40);
  expect(second.handled).toHaveLength(40 - known);
  expect(second.handled.every(({ maybeRepeated }) => maybeRepeated)).toBe(true);
  await second.runtime.stop(1_000);
});

test('a map that reaches beyond half the window does not keep the partition paused', async () => {
  const { client, runtime, handled, committed, join } = createFixture(
    () => done,
    {},
    { windowRecords: 40 },
  );
  await runtime.start();
  for (let index = 0; index < 40; index += 1) client.append(at, `key-${index}`, 'x');
  const metadata = encodeCommitMap({ base: 0, ranges: [{ from: 39, to: 40 }], span: 40, ageMs: 0 });
  client.committed.set('things/0', { offset: 0, metadata });
  await join();
  await client.fetch();
  await eventually(() => committed() === 40);
  expect(handled).toHaveLength(39);
});

test('when no lane gets on the partition pauses; it is logged once, and work goes on afterwards', async () => {
  let isDown = true;
  const { client, runtime, lines, handled, committed, join } = createFixture(
    () => {
      if (isDown) throw new Error('storage is away');
      return done;
    },
    { lanes: 1 },
  );
  await runtime.start();
  client.append(at, 'a', 'x');
  await join();
  await client.fetch();
  await eventually(() => handled.length > 5);
  expect(client.paused.has('things/0')).toBe(true);
  expect(runtime.state().partitions[0]).toMatchObject({ retryingLanes: 1, halts: [] });
  isDown = false;
  await eventually(() => committed() === 1);
  await eventually(() => !client.paused.has('things/0'));
  expect(lines.filter(({ event }) => event === 'lane.retrying')).toHaveLength(1);
  expect(lines.filter(({ event }) => event === 'lane.recovered')).toHaveLength(1);
  expect(handled.map(({ attempt }) => attempt)).toEqual(handled.map((_, index) => index + 1));
});

test('a failure that turns into another one is logged once more, and not for a number that changes', async () => {
  let tries = 0;
  const { client, runtime, lines, committed, join } = createFixture(() => {
    tries += 1;
    if (tries <= 3) throw new Error('storage is away');
    if (tries <= 6) throw new Error(`held at position ${tries}`);
    return done;
  });
  await runtime.start();
  client.append(at, 'a', 'x');
  await join();
  await client.fetch();
  await eventually(() => committed() === 1);
  const said = lines.filter(({ event }) => event === 'lane.retrying');
  expect(said.map(({ err }) => (err as Error).message)).toEqual([
    'storage is away',
    'held at position 4',
  ]);
  expect(lines.filter(({ event }) => event === 'lane.recovered')).toHaveLength(1);
});

test('an undecodable record stops its lane with its place and without its bytes; others go on', async () => {
  const { client, runtime, lines, committed, join } = createFixture(() => done, {
    decode: (value) => {
      if (value?.toString() === 'secret')
        throw new UndecodableRecordError('unknown schema 7', null);
      return 'fine';
    },
  });
  await runtime.start();
  client.append(at, 'good', 'x');
  client.append(at, 'bad', 'secret');
  for (let index = 0; index < 20; index += 1) client.append(at, `key-${index}`, 'x');
  await join();
  expect(runtime.ready()).toBe(true);
  await client.fetch();
  await eventually(() => committed() === 1);
  await eventually(() => (runtime.state().partitions[0]?.bufferedRecords ?? 0) < 10);
  const halted = lines.filter(({ event }) => event === 'lane.halted');
  expect(halted).toMatchObject([{ topic: 'things', partition: 0, offset: 1 }]);
  expect(JSON.stringify(halted)).not.toContain('secret');
  expect(runtime.ready()).toBe(false);
  const { clean } = await runtime.stop(1_000);
  expect(clean).toBe(true);
  expect(committed()).toBe(1);
});

test('a halt is never committed past', async () => {
  const { client, runtime, committed, join } = createFixture(
    ({ offset }) => (offset === 2 ? retry(new WrongOutcomesError('no')) : done),
    {
      lanes: 1,
    },
  );
  await runtime.start();
  for (let index = 0; index < 5; index += 1) client.append(at, 'a', 'x');
  await join();
  await client.fetch();
  await eventually(() => !runtime.ready());
  await runtime.stop(1_000);
  expect(committed()).toBe(2);
});

test('intake pauses at its mark, and a position that moved is taken back', async () => {
  const { opened, open } = gate();
  const { client, runtime, handled, committed, join } = createFixture(
    () => opened.then(() => done),
    { maxRecords: 1 },
    {
      partitionBufferRecords: 10,
    },
  );
  await runtime.start();
  for (let index = 0; index < 30; index += 1) client.append(at, 'a', 'x');
  await join();
  await client.fetch(12);
  expect(client.paused.has('things/0')).toBe(true);
  client.resume(at);
  client.seek(at, 20);
  await client.fetch();
  expect(client.position(at)).toBe(12);
  open();
  await eventually(() => handled.length === 12);
  await client.fetch();
  await eventually(() => committed() === 30);
  expect(handled).toHaveLength(30);
});

test('batches of markers move the prefix; one that does not join on is believed the second time', async () => {
  const { client, runtime, committed, join } = createFixture(() => done);
  await runtime.start();
  client.append(at, 'a', 'x');
  await join();
  await client.fetch();
  client.filtered(at, 1, 3);
  await eventually(() => committed() === 4);
  client.filtered(at, 9, 12);
  expect(client.position(at)).toBe(4);
  client.filtered(at, 9, 12);
  await eventually(() => committed() === 13);
});

test('a stop that cannot finish its work says so, and commits what is done', async () => {
  const { client, runtime, handled, committed, join } = createFixture(
    ({ offset }) => (offset === 1 ? new Promise(() => undefined) : done),
    { maxRecords: 1, lanes: 1 },
  );
  await runtime.start();
  client.append(at, 'a', 'x');
  client.append(at, 'a', 'y');
  await join();
  await client.fetch();
  await eventually(() => handled.length === 2);
  await expect(runtime.stop(100)).resolves.toEqual({ clean: false });
  expect(committed()).toBe(1);
  expect(client.stopped).toBe(true);
});

test("a stop is clean by the group's offsets, also while the leader of a partition is unavailable", async () => {
  const { client, runtime, handled, join } = createFixture(() => done);
  await runtime.start();
  client.append(at, 'a', 'x');
  await join();
  await client.fetch();
  await eventually(() => handled.length === 1);
  const known = client.positions.bind(client);
  client.tails = async (of) => (await known(of)).map((one) => ({ ...one, logEnd: null }));
  client.positions = () => Promise.reject(new Error('NOT_LEADER_FOR_PARTITION'));
  await expect(runtime.stop(1_000)).resolves.toEqual({ clean: true });
});

test('a hung handler ends the process', async () => {
  let nowMs = 0;
  const ticks: (() => void)[] = [];
  const clock = {
    ...systemClock,
    nowMs: () => nowMs,
    every: (_ms: number, tick: () => void) => {
      ticks.push(tick);
      return () => undefined;
    },
  };
  const hang = (): Promise<never> => new Promise(() => undefined);
  const { client, runtime, fatal, handled, join } = createFixture(hang, {}, {}, clock);
  await runtime.start();
  client.append(at, 'a', 'x');
  await join();
  await client.fetch();
  await eventually(() => handled.length === 1);
  for (const tick of ticks) tick();
  expect(fatal).toEqual([]);
  nowMs = quick.progressDeadlineMs + 1;
  for (const tick of ticks) tick();
  expect(fatal).toHaveLength(1);
  expect(fatal[0]?.message).toMatch(/A micro-batch of things\/0 has run for more than 300000 ms/);
  await runtime.stop(10);
});
