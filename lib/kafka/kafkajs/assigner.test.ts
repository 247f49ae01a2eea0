import { array, assert, integer, property, record } from 'fast-check';
import { assignPartitions, type Member, type Share, type TopicShape } from './assigner';

const shapes = (counts: readonly number[]): TopicShape[] =>
  counts.map((count, index) => ({
    topic: `topic-${index}`,
    partitions: Array.from({ length: count }, (_, partition) => partition),
    everyMember: false,
  }));

const member = (
  id: number,
  topics: readonly TopicShape[],
  owned: Share,
  generation = 1,
): Member => ({
  id: `member-${id}`,
  topics: topics.map(({ topic }) => topic),
  owned,
  generation,
});

const partitionsOf = (shares: ReadonlyMap<string, Share>): string[] =>
  [...shares.values()]
    .flatMap((share) =>
      Object.entries(share).flatMap(([topic, partitions]) =>
        partitions.map((partition) => `${topic}/${partition}`),
      ),
    )
    .sort();

const spread = (counts: readonly number[]): number => Math.max(...counts) - Math.min(...counts);

const sizes = (shares: ReadonlyMap<string, Share>, topic?: string): number[] =>
  [...shares.values()].map((share) =>
    Object.entries(share)
      .filter(([name]) => topic === undefined || name === topic)
      .reduce((sum, [, partitions]) => sum + partitions.length, 0),
  );

const groups = record({
  counts: array(integer({ min: 1, max: 13 }), { minLength: 1, maxLength: 4 }),
  before: integer({ min: 1, max: 9 }),
  after: integer({ min: 1, max: 9 }),
});

test('every partition goes to exactly one member, evenly over each topic and in all', () => {
  assert(
    property(groups, ({ counts, before, after }) => {
      const topics = shapes(counts);
      const first = assignPartitions(
        Array.from({ length: before }, (_, id) => member(id, topics, {})),
        topics,
      );
      const second = assignPartitions(
        Array.from({ length: after }, (_, id) =>
          member(id, topics, first.get(`member-${id}`) ?? {}),
        ),
        topics,
      );
      const all = topics.flatMap(({ topic, partitions }) =>
        partitions.map((at) => `${topic}/${at}`),
      );
      for (const shares of [first, second]) {
        expect(partitionsOf(shares)).toEqual([...all].sort());
        expect(spread(sizes(shares))).toBeLessThanOrEqual(1);
        for (const { topic } of topics) expect(spread(sizes(shares, topic))).toBeLessThanOrEqual(1);
      }
    }),
  );
});

test('nothing moves when no member joined or left', () => {
  assert(
    property(groups, ({ counts, before }) => {
      const topics = shapes(counts);
      const ids = Array.from({ length: before }, (_, id) => id);
      const first = assignPartitions(
        ids.map((id) => member(id, topics, {})),
        topics,
      );
      const again = assignPartitions(
        ids.map((id) => member(id, topics, first.get(`member-${id}`) ?? {})).reverse(),
        topics,
      );
      expect(Object.fromEntries(again)).toEqual(Object.fromEntries(first));
    }),
  );
});

test('a member that joins takes only its fair share away', () => {
  const topics = shapes([12]);
  const three = [0, 1, 2].map((id) => member(id, topics, {}));
  const before = assignPartitions(three, topics);
  const after = assignPartitions(
    [
      ...three.map((one, id) => member(id, topics, before.get(one.id) ?? {})),
      member(3, topics, {}),
    ],
    topics,
  );
  for (const { id } of three) {
    const held = before.get(id)?.['topic-0'] ?? [];
    expect(held).toEqual(expect.arrayContaining(after.get(id)?.['topic-0'] ?? []));
  }
  expect(sizes(after)).toEqual([3, 3, 3, 3]);
});

test('of two claims to a partition the younger counts', () => {
  const topics = shapes([2]);
  const shares = assignPartitions(
    [member(0, topics, { 'topic-0': [0] }, 4), member(1, topics, { 'topic-0': [0] }, 5)],
    topics,
  );
  expect(shares.get('member-1')).toEqual({ 'topic-0': [0] });
});

test('a topic for every member goes to each of them in full, and counts for no share', () => {
  const topics: TopicShape[] = [
    { topic: 'control', partitions: [0], everyMember: true },
    { topic: 'work', partitions: [0], everyMember: false },
  ];
  const shares = assignPartitions(
    [0, 1].map((id) => member(id, topics, {})),
    topics,
  );
  expect(partitionsOf(shares)).toEqual(['control/0', 'control/0', 'work/0']);
});

test('a member that does not read a topic gets nothing of it', () => {
  const topics = shapes([4, 4]);
  const shares = assignPartitions(
    [member(0, topics, {}), member(1, topics.slice(0, 1), {})],
    topics,
  );
  expect(shares.get('member-0')?.['topic-1']).toEqual([0, 1, 2, 3]);
});
