/**
 * The measured traps of kafkajs, each as a claim about the port on it, on a real broker. A client that takes
 * its place has to keep them all. Beside these:
 *
 * | trap                                                          | claimed in                                             |
 * | ------------------------------------------------------------- | ------------------------------------------------------ |
 * | P1 a reset commits -1 or -2 over the group's offset           | kafka-client-port, kafka-group                         |
 * | P6 a busy member stalls the whole group                       | kafka-client-port (before a rejoin), members-joining-… |
 * | P7 a crash for good leaves a process without consumer         | here, a-client-that-crashes-ends-its-process           |
 * | P11 a small value keeps its whole response alive              | kafka-client-port                                      |
 * | P14 more than 4,096 bytes of metadata are refused             | here, lib/kafka/commit-map                             |
 */
import { createTopicAdmin } from '../../lib/kafka/topics/admin';
import { defaultSettings } from '../../lib/runtime/settings';
import { topics } from '../../lib/kafka/topics/topics';
import { Recorder, sessionTimeoutMs, useClients } from '../support/records/client-recorder';
import { lasts } from '../support/faults';
import type { KafkaGroup } from '../support/records/kafka-group';
import { until } from '../support/until';

jest.setTimeout(60_000);

const ground = useClients();
const first = ({ topic }: KafkaGroup) => ({ topic, partition: 0 });

async function reading(group: KafkaGroup, recorder = new Recorder()) {
  const client = ground.client(group);
  await client.start(recorder);
  await until('a batch came', () => recorder.batches.length > 0);
  return { client, recorder };
}

test('P2: a commit that a stop overtakes is in the group, or is reported as missing', async () => {
  const group = await ground.group('p2', 1);
  await group.produce(20, 5);
  const { client, recorder } = await reading(group);
  const stopped = client.stop();
  const isCommitted = await client
    .commit(recorder.epoch, [{ ...first(group), offset: 5, metadata: '' }])
    .catch(() => false);
  await stopped;
  await expect(group.committed()).resolves.toMatchObject({ offset: isCommitted ? 5 : -1 });
});

test('P3: a producer that sets the offset back undoes no record: the next commit puts it right', async () => {
  const group = await ground.group('p3', 1);
  await group.produce(20, 5);
  const { client, recorder } = await reading(group);
  await client.commit(recorder.epoch, [{ ...first(group), offset: 10, metadata: 'map' }]);
  const intruder = group.kafka.producer({ transactionalId: group.group, idempotent: true });
  await intruder.connect();
  const transaction = await intruder.transaction();
  const offsets = [{ topic: group.topic, partitions: [{ partition: 0, offset: '3' }] }];
  await transaction.sendOffsets({ consumerGroupId: group.group, topics: offsets });
  await transaction.commit();
  await intruder.disconnect();
  await until('it is set back', async () => (await group.committed()).offset === 3);
  await client.commit(recorder.epoch, [{ ...first(group), offset: 12, metadata: 'map' }]);
  await expect(group.committed()).resolves.toEqual({ offset: 12, metadata: 'map' });
  expect(recorder.offsets.toSorted((a, b) => a - b)).toEqual(
    Array.from({ length: 20 }, (_, at) => at),
  );
});

test('P4: a partition that is full keeps no other waiting', async () => {
  const group = await ground.group('p4', 2);
  await group.produce(10, 5, 0);
  const recorder = new Recorder();
  const { client } = await reading(group, recorder);
  client.pause(first(group));
  recorder.batches.length = 0;
  await group.produce(10, 5, 0);
  await group.produce(500, 5, 1);
  await until('the other was read', () => recorder.offsets.length === 500);
  expect(new Set(recorder.batches.map(({ partition }) => partition))).toEqual(new Set([1]));
});

test('P5: a member that takes nothing for longer than its session lasts stays one', async () => {
  const group = await ground.group('p5', 1);
  await group.produce(10, 5);
  const { client, recorder } = await reading(group);
  client.pause(first(group));
  await lasts(1.5 * sessionTimeoutMs);
  await expect(
    client.commit(recorder.epoch, [{ ...first(group), offset: 10, metadata: '' }]),
  ).resolves.toBe(true);
  expect(recorder.assignments).toHaveLength(1);
});

test('P7: what the client cannot read ends it for good, and it says so', async () => {
  const group = await ground.group('p7', 1, { 'compression.type': 'snappy' });
  await group.produce(10, 5);
  const recorder = new Recorder();
  await ground.client(group).start(recorder);
  await until('it has ended', () => recorder.fatal.length === 1);
  expect(recorder.fatal[0]?.message).toContain('Snappy');
  await expect(group.committed()).resolves.toMatchObject({ offset: -1 });
});

test('P8: a listener that throws ends the client at once, with nothing tried again and nothing committed', async () => {
  const group = await ground.group('p8', 1);
  await group.produce(10, 5);
  const recorder = new Recorder();
  let calls = 0;
  recorder.onBatch = () => {
    calls += 1;
    return Promise.reject(new Error('a bug of ours'));
  };
  await ground.client(group).start(recorder);
  await until('it is reported', () => recorder.fatal.length > 0);
  await lasts(2_000);
  expect(recorder.fatal.map(({ message }) => message)).toEqual(['a bug of ours']);
  expect(calls).toBe(1);
  await expect(group.committed()).resolves.toMatchObject({ offset: -1 });
});

test.each([-1, -2, 0.5, Number.NaN])('P9: %p is no offset to go to', async (offset) => {
  const group = await ground.group('p9', 1);
  await group.produce(10, 5);
  const { client } = await reading(group);
  expect(() => client.seek(first(group), offset)).toThrow(RangeError);
});

test('P10: going to an offset commits nothing', async () => {
  const group = await ground.group('p10', 1);
  await group.produce(10, 5);
  const { client, recorder } = await reading(group);
  client.seek(first(group), 4);
  await until('it was read again', () => recorder.offsets.length === 16);
  await client.stop();
  await expect(group.committed()).resolves.toMatchObject({ offset: -1 });
});

test('P12: a client with nothing to read arms few timers', async () => {
  const group = await ground.group('p12', 1);
  await group.produce(10, 5);
  await reading(group);
  const armed = jest.spyOn(globalThis, 'setTimeout');
  await lasts(2_000);
  const count = armed.mock.calls.length;
  armed.mockRestore();
  // A fetch each 250 ms and a heartbeat each 300; unpatched it is thousands.
  expect(count).toBeLessThan(200);
});

test('P13: what waits behind a pause comes with the next fetch, which is not a long one', async () => {
  expect(defaultSettings.fetchWaitMs).toBeLessThanOrEqual(500);
  const group = await ground.group('p13', 1);
  await group.produce(10, 5);
  const { client, recorder } = await reading(group);
  client.pause(first(group));
  await group.produce(10, 5);
  client.resume(first(group));
  await until('it came', () => recorder.offsets.length === 20);
});

test('P14: metadata that is too long is an error, and the offset stays', async () => {
  const group = await ground.group('p14', 1);
  await group.produce(10, 5);
  const { client, recorder } = await reading(group);
  const entry = { ...first(group), offset: 5, metadata: 'x'.repeat(4_097) };
  await expect(client.commit(recorder.epoch, [entry])).rejects.toThrow(/metadata/i);
  await expect(group.committed()).resolves.toMatchObject({ offset: -1 });
});

test('P15: lag is read from offsets alone, also of a group that cannot be described', async () => {
  const group = await ground.group('p15', 1);
  await group.produce(10, 5);
  const described = await group.withRawAdmin((admin) => admin.describeGroups([group.group]));
  expect(described.groups[0]?.state).toBe('Dead');
  await expect(group.admin.lag(group.group, group.topic)).resolves.toEqual([
    { partition: 0, records: 10 },
  ]);
});

test('P16: the offsets of a group are not set under its members', async () => {
  const group = await ground.group('p16', 1);
  await group.produce(10, 5);
  const { client } = await reading(group);
  await expect(group.setCommitted(5)).rejects.toThrow(/no running instances/);
  await client.stop();
  await group.setCommitted(5);
  await expect(group.committed()).resolves.toMatchObject({ offset: 5 });
});

test('P17: topics can be asked for as soon as they have been applied', async () => {
  const group = await ground.group('p17', 1);
  const admin = createTopicAdmin(group.kafka, { namespace: `${group.group}.` });
  await admin.connect();
  try {
    await admin.apply();
    for (const { name, partitions } of topics) {
      await expect(admin.ends(`${group.group}.${name}`)).resolves.toHaveLength(partitions);
    }
  } finally {
    await admin.disconnect();
  }
});
