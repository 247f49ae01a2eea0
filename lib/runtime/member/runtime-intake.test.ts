import { createFixture, at, eventually } from '../../../test/support/memory/runtime-fixture';
import { started } from '../../../test/support/memory/failing-runtime';
import { laneOf } from '../lanes/lane';
import { done, retry } from '../outcome';
import { UndecodableRecordError } from '../poison';

const lanes = 4;
const stuckLane = laneOf(Buffer.from('stuck'), 0, lanes);
const isFree = (key: string): boolean => laneOf(Buffer.from(key), 0, lanes) !== stuckLane;
const freeKeys = Array.from({ length: 200 }, (_, index) => `key-${index}`).filter(isFree);

let tries = 0;
const unknownSchema = {
  lanes,
  decode: (value: Buffer | null) => {
    if (value?.toString() !== 'unknown') return 'fine';
    tries += 1;
    throw new Error('no schema with id 99');
  },
};

beforeEach(() => {
  tries = 0;
});

test('records behind one that cannot be read yet are taken in and done in the other lanes', async () => {
  const { client, runtime, committed, handled, join } = createFixture(() => done, unknownSchema);
  await runtime.start();
  client.append(at, 'stuck', 'unknown');
  await join();
  await client.fetch();
  await eventually(() => tries > 3);
  for (const key of freeKeys.slice(0, 50)) {
    client.append(at, key, 'x');
    await client.fetch();
  }
  await eventually(() => handled.length === 50);
  expect(client.paused.has('things/0')).toBe(false);
  await eventually(() => client.committed.get('things/0')?.metadata.includes('done=50') === true);
  expect(committed()).toBe(0);
});

test('the window of the commit map ends it', async () => {
  const window = { windowRecords: 40 };
  const { client, runtime, handled, join } = createFixture(() => done, unknownSchema, window);
  await runtime.start();
  client.append(at, 'stuck', 'unknown');
  for (const key of freeKeys.slice(0, 100)) client.append(at, key, 'x');
  await join();
  await client.fetch(10);
  await eventually(() => tries > 3);
  while (!client.paused.has('things/0')) await client.fetch(10);
  await eventually(() => handled.length === 39);
  expect(await client.fetch(10)).toBe(0);
});

test('a record whose copy Kafka refuses stops its own lane alone', async () => {
  const fixture = await started(
    ({ value }) =>
      value === 'poison' ? retry(new UndecodableRecordError('x', 'impossible-id')) : done,
    { lanes },
  );
  const { client, handled, join, runtime } = fixture;
  fixture.lettersError = () => Object.assign(new Error('MESSAGE_TOO_LARGE'), { retriable: false });
  client.append(at, 'stuck', 'poison');
  await join();
  await client.fetch();
  await eventually(() => (runtime.state().partitions[0]?.retryingLanes ?? 0) === 1);
  for (const key of freeKeys.slice(0, 20)) {
    client.append(at, key, 'x');
    await client.fetch();
    await new Promise(setImmediate);
  }
  await eventually(() => handled.filter(({ value }) => value !== 'poison').length === 20);
});
