import {
  at,
  createFixture,
  eventually,
  gate,
  other,
} from '../../../test/support/memory/runtime-fixture';
import { systemClock } from '../../process/clock';
import { StaleCommitError } from '../../kafka/client-port';
import { done } from '../outcome';

test.each([
  [{ committed: 20, start: 0 }, 'lies beyond its end'],
  [{ committed: 2, start: 5 }, 'lies before its start'],
  [{ committed: -1, start: 5 }, 'has no committed offset'],
])('a group whose place is %j, which %s: nothing is read or committed', async (place, why) => {
  const { client, runtime, lines, committed } = createFixture(() => done);
  await runtime.start();
  for (let index = 0; index < 10; index += 1) client.append(at, 'a', 'x');
  client.append(other, 'a', 'x');
  client.log(at).start = place.start;
  client.committed.set('things/0', { offset: place.committed, metadata: 'kept' });
  client.join([at, other]);
  await eventually(() => !client.paused.has('things/1'));
  await client.fetch();
  await eventually(() => committed(1) === 1);
  expect(client.paused.has('things/0')).toBe(true);
  expect(client.committed.get('things/0')).toMatchObject({ metadata: 'kept' });
  expect(lines.find(({ event }) => event === 'partition.halted')).toMatchObject({
    partition: 0,
    err: { message: expect.stringContaining(why) as string },
  });
  expect(runtime.ready()).toBe(false);
});

test('before a rejoin running work is finished and committed, and nothing new begins', async () => {
  const { opened, open } = gate();
  const { client, runtime, handled, committed, join } = createFixture(
    () => opened.then(() => done),
    {
      maxRecords: 1,
      lanes: 1,
    },
  );
  await runtime.start();
  for (let index = 0; index < 3; index += 1) client.append(at, 'a', 'x');
  await join();
  await client.fetch();
  await eventually(() => handled.length === 1);
  const rejoined = client.rejoin([]);
  open();
  await rejoined;
  expect(handled).toHaveLength(1);
  expect(committed()).toBe(1);
});

test('what is still being decoded when the drain begins is not handled any more', async () => {
  const { opened, open } = gate();
  let decoding = false;
  const { client, runtime, handled, join } = createFixture(() => done, {
    decode: async () => {
      decoding = true;
      await opened;
      return 'x';
    },
  });
  await runtime.start();
  client.append(at, 'a', 'x');
  await join();
  await client.fetch();
  await eventually(() => decoding);
  const rejoined = client.rejoin([]);
  open();
  await rejoined;
  expect(handled).toEqual([]);
});

test('a kept partition goes on where intake stood; what ran across the rejoin counts', async () => {
  const { opened, open } = gate();
  const { client, runtime, handled, committed, join } = createFixture(
    () => opened.then(() => done),
    {},
    {
      drainMs: 1,
    },
  );
  await runtime.start();
  for (let index = 0; index < 3; index += 1) client.append(at, 'a', 'x');
  await join();
  await client.fetch();
  await eventually(() => handled.length === 3);
  await client.rejoin([at]);
  expect(client.position(at)).toBe(3);
  open();
  await eventually(() => committed() === 3);
  expect(handled).toHaveLength(3);
});

test('what finishes after its partition was lost is not committed, and its signal was aborted', async () => {
  const { opened, open } = gate();
  let aborted: AbortSignal | undefined;
  const { client, runtime, join } = createFixture(
    () => done,
    {
      handle: async (records, signal) => {
        aborted = signal;
        await opened;
        return records.map(() => done);
      },
    },
    { drainMs: 1 },
  );
  await runtime.start();
  client.append(at, 'a', 'x');
  await join();
  await client.fetch();
  await eventually(() => aborted !== undefined);
  await client.rejoin([]);
  expect(aborted?.aborted).toBe(true);
  open();
  await runtime.stop(1_000);
  expect(client.commits).toEqual([]);
});

test('expelled and back under another name: everything is read again from the committed offset', async () => {
  const { client, runtime, handled, committed } = createFixture(() => done);
  await runtime.start();
  client.append(at, 'a', 'x');
  client.append(at, 'a', 'y');
  client.join([at], 'one');
  await eventually(() => !client.paused.has('things/0'));
  client.commitError = new Error('the group is away');
  await client.fetch();
  await eventually(() => handled.length === 2);
  client.commitError = null;
  client.join([at], 'two');
  await eventually(() => client.position(at) === 0 && !client.paused.has('things/0'));
  await client.fetch();
  await eventually(() => committed() === 2);
  expect(handled).toHaveLength(4);
});

test('a kept partition whose committed offset is not ours begins again from it', async () => {
  const { client, runtime, handled, committed, join } = createFixture(() => done);
  await runtime.start();
  for (let index = 0; index < 5; index += 1) client.append(at, 'a', 'x');
  await join();
  await client.fetch(3);
  await eventually(() => committed() === 3);
  client.committed.set('things/0', { offset: 4, metadata: '' });
  client.join([at]);
  await eventually(() => client.position(at) === 4 && !client.paused.has('things/0'));
  await client.fetch();
  await eventually(() => committed() === 5);
  expect(handled.map(({ offset }) => offset)).toEqual([0, 1, 2, 4]);
});

test('after a refusal nothing is committed before the next join', async () => {
  const { client, runtime, handled, committed, join } = createFixture(() => done);
  await runtime.start();
  client.append(at, 'a', 'x');
  await join();
  let asked = 0;
  const { commit } = client;
  client.commit = (epoch, entries) => {
    asked += 1;
    if (asked === 1) return Promise.reject(new StaleCommitError('ILLEGAL_GENERATION'));
    return commit.call(client, epoch, entries);
  };
  await client.fetch();
  await eventually(() => handled.length === 1 && asked === 1);
  await systemClock.sleep(20);
  expect(asked).toBe(1);
  client.join([at]);
  await eventually(() => committed() === 1);
});

test('a refusal that arrives after the next join does not keep that from committing', async () => {
  const { client, runtime, committed, join } = createFixture(() => done);
  await runtime.start();
  client.append(at, 'a', 'x');
  await join();
  let refuse: ((error: Error) => void) | undefined;
  const { commit } = client;
  client.commit = () => new Promise((_, reject) => (refuse = reject));
  await client.fetch();
  await eventually(() => refuse !== undefined);
  client.commit = commit;
  client.join([at]);
  refuse?.(new StaleCommitError('ILLEGAL_GENERATION'));
  await eventually(() => committed() === 1);
});

test('a state topic is read from its start at every assignment, says when it has caught up, and commits nothing', async () => {
  const events: string[] = [];
  const { client, runtime, handled, join } = createFixture(() => done, {
    start: 'beginning',
    onAssigned: (partition, { highWatermark }) =>
      events.push(`assigned ${partition} ${highWatermark}`),
    onCaughtUp: (partition) => events.push(`caught up ${partition}`),
    onDraining: (partition) => {
      events.push(`draining ${partition}`);
      return Promise.resolve();
    },
    onKept: (partition) => events.push(`kept ${partition}`),
    onLost: (partition) => events.push(`lost ${partition}`),
  });
  await runtime.start();
  client.append(at, 'a', 'x');
  client.append(at, 'a', 'y', 5);
  client.join([at, other]);
  await eventually(() => !client.paused.has('things/0'));
  expect(events).toContain('caught up 1');
  await client.fetch();
  await eventually(() => events.includes('caught up 0'));
  await client.rejoin([at]);
  await client.rejoin([]);
  await join();
  await client.fetch();
  await eventually(() => events.filter((event) => event === 'caught up 0').length === 2);
  expect(handled).toHaveLength(4);
  await runtime.stop(1_000);
  expect(client.commits).toEqual([]);
  const ofZero = events.filter((event) => /^\D+ 0\b/.test(event));
  expect(ofZero).toEqual([
    'assigned 0 7',
    'caught up 0',
    'draining 0',
    'kept 0',
    'draining 0',
    'lost 0',
    'assigned 0 7',
    'caught up 0',
    'draining 0',
    'lost 0',
  ]);
});

test('a member without partitions says once that it waits idle', async () => {
  const { client, runtime, lines } = createFixture(() => done);
  await runtime.start();
  client.join([]);
  client.join([]);
  expect(lines.filter(({ event }) => event === 'group.idle')).toHaveLength(1);
  expect(runtime.ready()).toBe(true);
});

test('a catch-up during a drain is reported after the rejoin, and only if the partition stayed', async () => {
  const events: string[] = [];
  const { opened, open } = gate();
  const { client, runtime, handled, join } = createFixture(() => opened.then(() => done), {
    onCaughtUp: () => events.push('caught up'),
    onKept: () => events.push('kept'),
    onDraining: () => {
      events.push('draining');
      return Promise.resolve();
    },
  });
  await runtime.start();
  client.append(at, 'a', 'x');
  await join();
  await client.fetch();
  await eventually(() => handled.length === 1);
  const rejoined = client.rejoin([at]);
  open();
  await rejoined;
  expect(events).toEqual(['draining', 'kept', 'caught up']);
});

test('a member that holds nothing but what every member reads waits idle and says so', async () => {
  const everyMember = { start: 'beginning', readers: 'every-member' } as const;
  const { runtime, lines, join } = createFixture(() => done, everyMember);
  await runtime.start();
  await join();
  expect(lines.filter(({ event }) => event === 'group.idle')).toHaveLength(1);
});

test.each([
  ['none, as Kafka’s own tool leaves it', ''],
  ['a map of the offset that stood there before', 'afterbuild/1 at=8 done=2 span=2 age=0s r=1-2'],
  ['of another program', 'v1:foreign'],
])('a stopped group rewound by hand handles all again; its metadata is %s', async (_, metadata) => {
  const { client, runtime, handled, committed } = createFixture(() => done);
  await runtime.start();
  for (let index = 0; index < 12; index += 1) client.append(at, 'a', 'x');
  client.committed.set('things/0', { offset: 3, metadata });
  client.join([at]);
  await eventually(() => !client.paused.has('things/0'));
  await client.fetch();
  await eventually(() => committed() === 12);
  expect(handled.map(({ offset }) => offset)).toEqual([3, 4, 5, 6, 7, 8, 9, 10, 11]);
  expect(handled.every(({ maybeRepeated }) => maybeRepeated)).toBe(true);
});
