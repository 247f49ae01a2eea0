/** The runtime on a real broker: no record is lost or out of order when members join, leave or die. */
import type { ChildProcess } from 'node:child_process';
import { done } from '../../lib/runtime/outcome';
import { systemClock } from '../../lib/process/clock';
import { startChild } from '../support/programs/child-program';
import { KafkaGroup, type GroupMember, type NumberedRecord } from '../support/records/kafka-group';
import { until } from '../support/until';

jest.setTimeout(90_000);

const numbers = (records: readonly NumberedRecord[]): number[] => records.map(({ value }) => value);
const allOf = (members: readonly GroupMember[]): NumberedRecord[] =>
  members.flatMap(({ handled }) => handled);
const distinct = (records: readonly NumberedRecord[]): number => new Set(numbers(records)).size;

/** By key, in the order in which one member handled them. */
function assertOrdered(records: readonly NumberedRecord[]): void {
  const last = new Map<string | null, number>();
  for (const { key, value } of records) {
    expect(value).toBeGreaterThan(last.get(key) ?? -1);
    last.set(key, value);
  }
}

test('members join and leave under load: nothing lost, nothing twice, nothing out of order', async () => {
  const group = new KafkaGroup('rebalance');
  await group.create(6);
  const slowly = async () => {
    // Slow enough that the others join before the first member has finished.
    await systemClock.sleep(60);
    return done;
  };
  const [a, b, c] = [0, 1, 2].map(() => group.member(slowly, { maxRecords: 4 })) as [
    GroupMember,
    GroupMember,
    GroupMember,
  ];
  const members = [a, b, c];
  await group.produce(3_000, 60);
  await a.consumer.start();
  await until('the first member works', () => a.handled.length > 100);
  await b.consumer.start();
  await c.consumer.start();
  await until('all three work', () => members.every(({ handled }) => handled.length > 50));
  await group.produce(3_000, 60);
  await expect(b.consumer.stop(10_000)).resolves.toEqual({ clean: true });
  await until('all is done', () => distinct(allOf(members)) === 6_000);
  await Promise.all([a, c].map(({ consumer }) => consumer.stop(10_000)));
  expect(allOf(members)).toHaveLength(6_000);
  for (const { handled } of members) assertOrdered(handled);
  const lag = await group.admin.lag(group.group, group.topic);
  expect(lag.map(({ records }) => records)).toEqual([0, 0, 0, 0, 0, 0]);
  await group.end();
});

test('more members than partitions: one waits idle, says so, and takes over', async () => {
  const group = new KafkaGroup('idle');
  await group.create(1);
  const [a, b] = [group.member(), group.member()];
  await a.consumer.start();
  await b.consumer.start();
  await until('one waits idle', () =>
    [a, b].some(({ lines }) => lines.some(({ event }) => event === 'group.idle')),
  );
  expect(a.consumer.ready() && b.consumer.ready()).toBe(true);
  await group.produce(10, 3);
  await until('the other works', () => a.handled.length + b.handled.length === 10);
  await (a.handled.length > 0 ? a : b).consumer.stop(10_000);
  await group.produce(10, 3);
  await until('the idle one has taken over', () => distinct(allOf([a, b])) === 20);
  expect(allOf([a, b])).toHaveLength(20);
  await group.end();
});

function abandon(group: KafkaGroup): { child: ChildProcess; handled: Set<number> } {
  const handled = new Set<number>();
  const child = startChild('abandoned-consumer', {
    env: { BROKERS: group.brokers, TOPIC: group.topic, GROUP: group.group },
  });
  child.on('message', (value) => handled.add(Number(value)));
  return { child, handled };
}

test('a killed process repeats nothing that its last commit map holds', async () => {
  const group = new KafkaGroup('killed');
  await group.create(1);
  await group.produce(5_000, 5_000);
  const { child, handled } = abandon(group);
  await until(
    'all but what waits behind the stuck record is done, and the map says so',
    async () => {
      const doneBeyond = /done=(\d+)/.exec((await group.committed()).metadata)?.[1];
      return handled.size > 4_000 && Number(doneBeyond) === handled.size;
    },
  );
  const exited = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await exited;
  const before = await group.committed();
  expect(before.offset).toBe(0);
  const successor = group.member();
  await successor.consumer.start();
  await until('the rest is done', () => {
    const all = new Set([...handled, ...numbers(successor.handled)]);
    return all.size === 5_000;
  });
  await until('the prefix has closed', async () => (await group.committed()).offset === 5_000);
  const repeated = numbers(successor.handled).filter((value) => handled.has(value));
  expect(repeated).toEqual([]);
  await group.end();
});

test('a committed offset outside the log: the partition halts, the offset and the others stay', async () => {
  const group = new KafkaGroup('outside');
  await group.create(2);
  await group.produce(10, 5, 0);
  await group.produce(10, 5, 1);
  await group.setCommitted(500);
  const member = group.member();
  await member.consumer.start();
  await until('the other partition is done', () => member.handled.length === 10);
  expect(member.handled.every(({ partition }) => partition === 1)).toBe(true);
  expect(member.consumer.ready()).toBe(false);
  await expect(group.committed(0)).resolves.toMatchObject({ offset: 500 });
  expect(member.lines.find(({ event }) => event === 'partition.halted')).toMatchObject({
    partition: 0,
    err: {
      message: expect.stringContaining(
        "(0 to 10): the group's committed offset 500 lies beyond its end",
      ) as string,
    },
  });
  await group.end();
});

test('a topic that is deleted under a running consumer: it ends, and says which way out there is', async () => {
  const group = new KafkaGroup('gone');
  await group.create(1);
  await group.produce(20, 1);
  const member = group.member(() => done, {}, { topicGoneMs: 1_000 });
  await member.consumer.start();
  await until('all is done', () => member.handled.length === 20);
  await group.withRawAdmin((admin) => admin.deleteTopics({ topics: [group.topic] }));
  await until('the consumer has ended', () => member.fatal.length > 0);
  expect(member.fatal).toHaveLength(1);
  expect(member.fatal[0]?.message).toContain(`one of ${group.topic}. Create it anew`);
  await group.end();
});

test('an answer is bounded over all partitions, and each of them gets its turn', async () => {
  const group = new KafkaGroup('turns');
  await group.create(6);
  for (let round = 0; round < 40; round += 1) await group.produce(60, 60);
  // One batch of one partition for each answer.
  const member = group.member(() => done, {}, { fetchBytes: 1 });
  await member.consumer.start();
  await until('a part is done', () => member.handled.length > 1_200);
  const first = member.handled.slice(0, 1_200);
  expect(new Set(first.map(({ partition }) => partition)).size).toBe(6);
  await until('all is done', () => distinct(member.handled) === 2_400);
  expect(member.handled).toHaveLength(2_400);
  await group.end();
});

test('a log that is cut under a running consumer: it ends, and the committed offset stays', async () => {
  const group = new KafkaGroup('cut');
  await group.create(1);
  await group.produce(20, 1);
  let isDown = true;
  const member = group.member(
    ({ value }) => {
      if (isDown && value >= 5) throw new Error('a dependency is away');
      return done;
    },
    { maxRecords: 1, lanes: 1 },
    { partitionBufferRecords: 8, fetchBytesPerPartition: 100 },
  );
  await member.consumer.start();
  await until('five are committed', async () => (await group.committed()).offset === 5);
  await group.produce(200, 1);
  await group.withRawAdmin(async (admin) => {
    await admin.fetchTopicOffsets(group.topic);
    await admin.deleteTopicRecords({
      topic: group.topic,
      partitions: [{ partition: 0, offset: '210' }],
    });
  });
  isDown = false;
  await until('the consumer has ended', () => member.fatal.length === 1);
  expect(member.fatal[0]?.message).toContain('no longer holds the offset');
  expect((await group.committed()).offset).toBeGreaterThanOrEqual(5);
  expect((await group.committed()).offset).toBeLessThanOrEqual(20);
  await group.end();
});
