/** The promises of a Kafka client that the runtime relies on, tested with the present client on a real broker. */
import { CompressionTypes } from 'kafkajs';
import { StaleCommitError } from '../../lib/kafka/client-port';
import { systemClock } from '../../lib/process/clock';
import { Recorder, useClients } from '../support/records/client-recorder';
import { until } from '../support/until';

jest.setTimeout(60_000);

const ground = useClients();

test('what is accepted comes once and in order; what is not accepted comes again', async () => {
  const group = await ground.group('accept', 1);
  await group.produce(50, 5);
  const client = ground.client(group);
  const recorder = new Recorder();
  recorder.accepts = false;
  await client.start(recorder);
  await until('the same records came twice', () => recorder.batches.length > 1);
  expect(recorder.batches[1]?.records[0]?.offset).toBe(0);
  recorder.accepts = true;
  recorder.batches.length = 0;
  await group.produce(50, 5);
  await until('all came', () => recorder.offsets.includes(99));
  expect(recorder.offsets).toEqual(Array.from({ length: 100 }, (_, offset) => offset));
  expect(recorder.batches.at(-1)).toMatchObject({ lastOffset: 99, highWatermark: 100 });
});

test('a pause inside the join keeps every record back until a seek and a resume', async () => {
  const group = await ground.group('pause', 1);
  await group.produce(20, 5);
  const at = { topic: group.topic, partition: 0 };
  const client = ground.client(group);
  const recorder = new Recorder();
  recorder.onJoin = () => client.pause(at);
  await client.start(recorder);
  const positions = await client.positions([at]);
  expect(positions).toEqual([
    { ...at, committed: -1, metadata: '', logStart: 0, highWatermark: 20 },
  ]);
  // As long as an unpaused client needs for its first batch, and more.
  await systemClock.sleep(600);
  expect(recorder.batches).toEqual([]);
  client.seek(at, 7);
  client.resume(at);
  await until('the rest came', () => recorder.offsets.includes(19));
  expect(recorder.offsets[0]).toBe(7);
  expect(recorder.batches[0]?.fetchedOffset).toBe(7);
});

test('a commit stores offset and metadata, also while paused, and is refused in an older epoch', async () => {
  const group = await ground.group('commit', 1);
  await group.produce(20, 5);
  const at = { topic: group.topic, partition: 0 };
  const client = ground.client(group);
  const recorder = new Recorder();
  await client.start(recorder);
  await until('a batch came', () => recorder.batches.length > 0);
  client.pause(at);
  const entry = { ...at, offset: 5, metadata: 'x'.repeat(4_095) };
  await expect(client.commit(recorder.epoch, [entry])).resolves.toBe(true);
  await expect(client.positions([at])).resolves.toMatchObject([
    { committed: 5, metadata: entry.metadata },
  ]);
  await expect(client.commit(recorder.epoch - 1, [{ ...entry, offset: 1 }])).rejects.toThrow(
    StaleCommitError,
  );
  await expect(group.committed()).resolves.toMatchObject({ offset: 5 });
});

test('a member that the group has expelled commits nothing, and its commit is refused', async () => {
  const group = await ground.group('expelled', 1);
  await group.produce(20, 5);
  const at = { topic: group.topic, partition: 0 };
  const client = ground.client(group);
  const recorder = new Recorder();
  await client.start(recorder);
  await until('a batch came', () => recorder.batches.length > 0);
  const { epoch, memberId } = recorder.assignments[0]!;
  await group.expel(memberId);
  await expect(client.commit(epoch, [{ ...at, offset: 5, metadata: '' }])).rejects.toThrow(
    StaleCommitError,
  );
  await until('it has joined under another name', () => recorder.assignments.length === 2);
  expect(recorder.assignments[1]?.memberId).not.toBe(memberId);
  await expect(group.committed()).resolves.toMatchObject({ offset: -1 });
});

test('before a rejoin there is time to commit in the old epoch, longer than the session lasts', async () => {
  const group = await ground.group('rejoin', 2);
  await group.produce(20, 20);
  const client = ground.client(group);
  const recorder = new Recorder();
  let committed: boolean | undefined;
  recorder.beforeRejoin = async () => {
    await systemClock.sleep(7_500);
    const entry = { topic: group.topic, partition: 0, offset: 3, metadata: 'drained' };
    committed = await client.commit(recorder.epoch, [entry]);
  };
  await client.start(recorder);
  await until('a batch came', () => recorder.batches.length > 0);
  const [before] = recorder.assignments;
  const second = ground.client(group);
  await second.start(new Recorder());
  await until('the first has joined again', () => recorder.assignments.length === 2);
  expect(committed).toBe(true);
  expect(recorder.assignments[1]?.memberId).toBe(before?.memberId);
  expect(recorder.assignments[1]?.partitions).toHaveLength(1);
  await expect(group.committed(0)).resolves.toEqual({ offset: 3, metadata: 'drained' });
});

test('transaction markers are passed over, and a batch of nothing else is reported', async () => {
  const group = await ground.group('markers', 1);
  const producer = group.kafka.producer({
    transactionalId: group.group,
    maxInFlightRequests: 1,
    idempotent: true,
  });
  await producer.connect();
  for (const commit of [true, false]) {
    const transaction = await producer.transaction();
    await transaction.send({ topic: group.topic, messages: [{ key: 'a', value: '1' }] });
    await (commit ? transaction.commit() : transaction.abort());
  }
  await producer.disconnect();
  const client = ground.client(group);
  const recorder = new Recorder();
  await client.start(recorder);
  const reached = (): number =>
    Math.max(
      ...recorder.batches.map(({ lastOffset }) => lastOffset),
      ...recorder.filtered.map(({ lastOffset }) => lastOffset),
    );
  await until('everything was passed over', () => reached() === 3);
  expect(recorder.offsets).toEqual([0]);
});

test('aborted records never come: two transactions of one producer, and one longer than a fetch', async () => {
  const group = await ground.group('aborted', 1);
  const producer = group.kafka.producer({
    transactionalId: group.group,
    maxInFlightRequests: 1,
    idempotent: true,
  });
  await producer.connect();
  const write = async (values: readonly string[], commit: boolean): Promise<void> => {
    const transaction = await producer.transaction();
    // A request each, so that each is a batch of its own.
    for (const value of values) {
      await transaction.send({ topic: group.topic, messages: [{ key: 'a', value }] });
    }
    await (commit ? transaction.commit() : transaction.abort());
  };
  await write(['aborted'], false);
  await write(['first'], true);
  await write(['aborted'], false);
  await write(['second'], true);
  const large = Array.from({ length: 6 }, () => 'aborted'.padEnd(10_000));
  await write(large, false);
  await write(['third'], true);
  await producer.disconnect();
  const client = ground.client(group, { fetchBytesPerPartition: 25_000 });
  const recorder = new Recorder();
  await client.start(recorder);
  const values = (): string[] =>
    recorder.batches.flatMap(({ records }) => records.map(({ value }) => String(value).trim()));
  await until('the last has come', () => values().includes('third'));
  expect(values()).toEqual(['first', 'second', 'third']);
});

test("a record's time is the broker's, where the topic wants that", async () => {
  const group = await ground.group('time', 1, { 'message.timestamp.type': 'LogAppendTime' });
  const producer = group.kafka.producer();
  await producer.connect();
  const sinceMs = Date.now();
  await producer.send({
    topic: group.topic,
    messages: [{ key: 'a', value: 'b', timestamp: '1000' }],
  });
  await producer.disconnect();
  const client = ground.client(group);
  const recorder = new Recorder();
  await client.start(recorder);
  await until('it came', () => recorder.offsets.length === 1);
  // The broker runs on this machine.
  expect(recorder.batches[0]?.records[0]?.timestampMs).toBeGreaterThanOrEqual(sinceMs);
});

test('a record that is kept does not keep the response alive that it came in', async () => {
  const group = await ground.group('memory', 1);
  await group.produce(2_000, 5);
  const client = ground.client(group);
  const recorder = new Recorder();
  await client.start(recorder);
  await until('all came', () => recorder.offsets.length === 2_000);
  const [record] = recorder.batches[0]!.records;
  const response = record!.value?.buffer;
  const bytes = String(record!.value);
  record!.keep();
  expect(record!.value?.buffer).not.toBe(response);
  expect(String(record!.value)).toBe(bytes);
});

test('a group that answers is heard, whether there is anything to read or not', async () => {
  const group = await ground.group('heard', 1);
  const client = ground.client(group);
  await client.start(new Recorder());
  for (const at of [{ topic: group.topic, partition: 0 }, null]) {
    if (at) client.pause(at);
    const { heardAtMs } = client;
    expect(heardAtMs).toBeGreaterThan(systemClock.nowMs() - 10_000);
    await until('it is heard again', () => client.heardAtMs > heardAtMs);
  }
});

test('every compression that Kafka has built in for our topics can be read', async () => {
  const group = await ground.group('codecs', 1);
  const producer = group.kafka.producer();
  await producer.connect();
  for (const compression of [CompressionTypes.None, CompressionTypes.GZIP, CompressionTypes.ZSTD]) {
    await producer.send({ topic: group.topic, compression, messages: [{ key: 'a', value: 'b' }] });
  }
  await producer.disconnect();
  const client = ground.client(group);
  const recorder = new Recorder();
  await client.start(recorder);
  await until('all came', () => recorder.offsets.length === 3);
  expect(recorder.batches.flatMap(({ records }) => records.map((r) => String(r.value)))).toEqual([
    'b',
    'b',
    'b',
  ]);
});

test('a position that left the log is never committed over', async () => {
  const group = await ground.group('left', 1);
  await group.produce(30, 5);
  await group.setCommitted(2);
  await group.withRawAdmin(async (admin) => {
    await admin.fetchTopicOffsets(group.topic);
    await admin.deleteTopicRecords({
      topic: group.topic,
      partitions: [{ partition: 0, offset: '10' }],
    });
  });
  const client = ground.client(group);
  const recorder = new Recorder();
  await client.start(recorder);
  await until('the client has ended', () => recorder.fatal.length === 1);
  expect(recorder.batches).toEqual([]);
  await expect(group.committed()).resolves.toMatchObject({ offset: 2 });
});
