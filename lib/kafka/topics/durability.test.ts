import { ackProblems, durabilityOf } from './durability';

test.each([
  [1, {}, { replicas: 1, minInsyncReplicas: 1 }],
  [2, {}, { replicas: 2, minInsyncReplicas: 1 }],
  [3, {}, { replicas: 3, minInsyncReplicas: 2 }],
  [9, {}, { replicas: 3, minInsyncReplicas: 2 }],
  [3, { replicationFactor: 2 }, { replicas: 2, minInsyncReplicas: 1 }],
  [3, { minInsyncReplicas: 1 }, { replicas: 3, minInsyncReplicas: 1 }],
  [1, { minInsyncReplicas: 2 }, { replicas: 1, minInsyncReplicas: 1 }],
])('on %d brokers, with %j, it is %j', (brokers, said, durability) => {
  expect(durabilityOf(brokers, said)).toEqual(durability);
});

const three = durabilityOf(3, {});
const of = (replicas: number, inSync?: number) => ({
  replicas,
  settings: inSync === undefined ? {} : { 'min.insync.replicas': String(inSync) },
});

test('three replicas of which two acknowledge are as safe as was asked for', () => {
  expect(ackProblems('x', of(3, 2), three)).toEqual([]);
  expect(ackProblems('x', of(2, 2), three)).toEqual([]);
});

test.each([
  [of(3, 1), /^x: "all replicas have it" may mean 1: set min\.insync\.replicas to 2; it is 1/],
  [of(3), /may mean 1: set min\.insync\.replicas to 2/],
  [of(1, 1), /may mean 1: it has 1 replicas, add some .*KAFKA_MIN_INSYNC_REPLICAS=1\.$/],
  [of(1, 2), /nothing can be written/],
])('a topic with %j is named', (existing, problem) => {
  expect(ackProblems('x', existing, three)).toEqual([expect.stringMatching(problem)]);
});

test('what is accepted, or cannot be otherwise, is no problem', () => {
  expect(ackProblems('x', of(3, 1), durabilityOf(3, { minInsyncReplicas: 1 }))).toEqual([]);
  expect(ackProblems('x', of(1, 1), durabilityOf(1, {}))).toEqual([]);
});
