/** Partitions that are added to a topic while programs write and read it. */
import { KafkaGroup } from '../support/records/kafka-group';
import { until } from '../support/until';

jest.setTimeout(60_000);

const groups: KafkaGroup[] = [];
afterEach(async () => {
  await Promise.all(groups.splice(0).map((group) => group.end()));
});

/** @param metadataMaxAgeMs long: only an event may make a client read it anew. */
async function groupOf(name: string, partitions: number, metadataMaxAgeMs: number) {
  const group = new KafkaGroup(name, undefined, metadataMaxAgeMs);
  groups.push(group);
  await group.create(partitions);
  return group;
}

test('a record for a partition that the producer has not heard of is written, not left out', async () => {
  const group = await groupOf('unheard', 1, 300_000);
  await expect(group.produce(1, 1, 0)).resolves.toEqual([0]);
  await group.grow(3);
  await expect(group.produce(2, 1, 2)).resolves.toEqual([0, 1]);
  await until('its leader has them', async () => {
    const ends = await group.admin.ends(group.topic);
    return ends.map(({ highWatermark }) => highWatermark).join() === '1,0,2';
  });
});

test('members find added partitions by themselves, read them from their start, and share them out', async () => {
  const group = await groupOf('added', 2, 1_000);
  const [a, b] = [group.member(), group.member()];
  await Promise.all([a.consumer.start(), b.consumer.start()]);
  await group.produce(40, 10);
  const handled = () => [...a.handled, ...b.handled];
  await until('the first ones are done', () => handled().length === 40);
  await group.grow(6);
  await group.produce(200, 40, 5);
  await group.produce(200, 40);
  await until('all are done', () => new Set(handled().map(({ value }) => value)).size === 440);
  await until('every member has a share', () =>
    [a, b].every(({ consumer }) => consumer.state().partitions.length === 3),
  );
  expect([a, b].map(({ consumer }) => consumer.partitionsOf(group.topic))).toEqual([6, 6]);
  expect([a, b].flatMap(({ fatal }) => fatal)).toEqual([]);
});
