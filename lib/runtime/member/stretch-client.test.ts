import fc from 'fast-check';
import { at, createFixture, eventually, other } from '../../../test/support/memory/runtime-fixture';
import { systemClock } from '../../process/clock';
import { done } from '../outcome';
import { StretchClient } from './stretch-client';

const reading = (ranges: Readonly<Record<number, readonly [number, number]>>, key?: string) => {
  const byPartition = new Map(
    Object.entries(ranges).map(([partition, [from, to]]) => [Number(partition), { from, to }]),
  );
  return createFixture(
    () => done,
    {},
    {},
    systemClock,
    (client) =>
      new StretchClient(client, { name: 'r-1', topic: 'things', ranges: byPartition, key }),
  );
};

test('only the stretch is handled, marked as a replay, and committed to its end', async () => {
  const { client, runtime, handled, committed } = reading({ 0: [2, 5] });
  await runtime.start();
  for (let index = 0; index < 8; index += 1) client.append(at, 'a', `${index}`);
  client.append(other, 'a', 'x');
  client.join([at, other]);
  await eventually(() => !client.paused.has('things/0'));
  await client.fetch();
  await eventually(() => committed() === 5);
  expect(handled.map(({ offset, headers }) => [offset, headers['replay']])).toEqual([
    [2, 'r-1'],
    [3, 'r-1'],
    [4, 'r-1'],
  ]);
  // A later record does not come, however often it is fetched.
  expect(client.paused).toEqual(new Set(['things/0', 'things/1']));
  expect(runtime.state().partitions.map(({ highWatermark }) => highWatermark)).toEqual([5, 0]);
  expect(committed(1)).toBeUndefined();
});

test('a stretch whose group has committed goes on there', async () => {
  const { client, runtime, handled, committed } = reading({ 0: [0, 5] });
  await runtime.start();
  for (let index = 0; index < 8; index += 1) client.append(at, 'a', `${index}`);
  const metadata = 'afterbuild/1 done=1 span=2 age=0s r=1';
  client.committed.set('things/0', { offset: 3, metadata });
  client.join([at]);
  await eventually(() => !client.paused.has('things/0'));
  await client.fetch();
  await eventually(() => committed() === 5);
  expect(handled.map(({ offset }) => offset)).toEqual([3]);
});

test('of a stretch whose beginning retention has taken, what is left is handled', async () => {
  const { client, runtime, handled, committed } = reading({ 0: [0, 5] });
  await runtime.start();
  for (let index = 0; index < 8; index += 1) client.append(at, 'a', `${index}`);
  client.log(at).start = 4;
  client.join([at]);
  await eventually(() => !client.paused.has('things/0'));
  await client.fetch();
  await eventually(() => committed() === 5);
  expect(handled.map(({ offset }) => offset)).toEqual([4]);
});

test('a stretch that ends in a gap, or in markers, comes to its end', async () => {
  const { client, runtime, committed } = reading({ 0: [0, 5], 1: [0, 3] });
  await runtime.start();
  client.append(at, 'a', 'x');
  client.append(at, 'a', 'x', 8);
  client.append(other, 'a', 'x');
  client.log(other).end = 4;
  client.join([at, other]);
  await eventually(() => client.paused.size === 0);
  await client.fetch();
  client.filtered(other, 1, 3);
  await eventually(() => committed() === 5 && committed(1) === 3);
  expect(client.paused.size).toBe(2);
});

test('a kept partition goes on within the stretch after a rejoin', async () => {
  const { client, runtime, handled, committed } = reading({ 0: [0, 6] });
  await runtime.start();
  for (let index = 0; index < 8; index += 1) client.append(at, 'a', `${index}`);
  client.join([at]);
  await eventually(() => !client.paused.has('things/0'));
  await client.fetch(2);
  await eventually(() => committed() === 2);
  await client.rejoin([at]);
  await client.fetch();
  await eventually(() => committed() === 6);
  await client.rejoin([at]);
  expect(client.paused.has('things/0')).toBe(true);
  expect(handled).toHaveLength(6);
});

test('exactly the records of range and key are handled, in any log and by any fetches', async () => {
  const log = fc.array(fc.record({ key: fc.constantFrom('a', 'b', 'c'), gap: fc.nat(2) }), {
    maxLength: 30,
  });
  const range = fc.tuple(fc.nat(40), fc.nat(40));
  const key = fc.option(fc.constantFrom('a', 'b'), { nil: undefined });
  await fc.assert(
    fc.asyncProperty(
      log,
      range,
      key,
      fc.integer({ min: 1, max: 7 }),
      async (records, [a, b], only, size) => {
        const [from, to] = [Math.min(a, b), Math.max(a, b)];
        const { client, runtime, handled, lines } = reading({ 0: [from, to] }, only);
        await runtime.start();
        const wanted = records.flatMap(({ key: own, gap }) => {
          const offset = client.append(at, own, 'x', gap);
          return offset >= from && offset < to && (only === undefined || own === only)
            ? [offset]
            : [];
        });
        client.join([at]);
        const { end } = client.log(at);
        // A stretch never ends beyond the log; one that begins there halts.
        await eventually(
          () =>
            runtime.state().partitions[0]?.doneBelow !== null ||
            lines.some(({ event }) => event === 'partition.halted'),
        );
        const last = Math.min(to, end);
        const isOver = () =>
          (runtime.state().partitions[0]?.doneBelow ?? end) >= Math.max(from, last);
        for (let round = 0; round < 50 && !isOver(); round += 1) await client.fetch(size);
        await eventually(() => handled.length === wanted.length);
        expect(handled.map(({ offset }) => offset).toSorted((x, y) => x - y)).toEqual(wanted);
        await runtime.stop(1_000);
      },
    ),
    { numRuns: 60 },
  );
});
