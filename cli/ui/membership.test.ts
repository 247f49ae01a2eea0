import type { WatchedGroup } from '../../lib/kafka/kafkajs/kafka-watch';
import { Memberships } from './membership';

const group = (state: string, members: WatchedGroup['members']): WatchedGroup => ({
  ...{ group: 'artifact-deleter', state, members },
});
const first = { memberId: 'a', instance: 'pod-1', partitions: { t: [0, 1] } };
const second = { memberId: 'b', instance: 'pod-2', partitions: { t: [2] } };

test('each partition has its holder', () => {
  const { holders, instances } = new Memberships().learn(group('Stable', [first, second]));
  expect([...holders]).toEqual([
    ['t/0', 'pod-1'],
    ['t/1', 'pod-1'],
    ['t/2', 'pod-2'],
  ]);
  expect([...instances]).toEqual(['pod-1', 'pod-2']);
});

test('while the group shares out, a member is known by the id that it had, and a killed one is missed', () => {
  const members = new Memberships();
  members.learn(group('Stable', [first, second]));
  const nameless = { memberId: 'b', instance: null, partitions: {} };
  const now = members.learn(group('PreparingRebalance', [nameless]));
  expect([[...now.instances], now.unnamed, now.isSharing]).toEqual([['pod-2'], 0, true]);
});

test('a member that has just come has no name yet', () => {
  const now = new Memberships().learn(
    group('PreparingRebalance', [{ memberId: 'c', instance: null, partitions: {} }]),
  );
  expect([now.instances.size, now.unnamed]).toEqual([0, 1]);
});

test('ids of members that are gone are forgotten', () => {
  const members = new Memberships();
  members.learn(group('Stable', [first]));
  members.forgetAllBut(new Set());
  expect(members.learn(group('Stable', [{ ...first, instance: null }])).unnamed).toBe(1);
});
