import type { Cluster, KafkaJSError } from 'kafkajs';
import { ClusterHooks } from './cluster-hooks';
import { FetchSizes } from './fetch-sizes';

const sizes = new FetchSizes({ bytesMax: 100_000, memoryBytes: 1_000 });

/** What a join asks first, and what it is told. */
async function joining(told: Error): Promise<KafkaJSError> {
  const cluster = {
    findGroupCoordinator: () => Promise.reject(told),
    findBroker: () => Promise.reject(told),
    refreshMetadata: () => Promise.reject(told),
  } as unknown as Cluster;
  new ClusterHooks('readers', sizes, () => Promise.resolve()).attach(cluster);
  try {
    await cluster.findGroupCoordinator({ groupId: 'readers' });
  } catch (error) {
    return error as KafkaJSError;
  }
  throw new Error('somebody was found');
}

test('a coordinator that nobody knows at the moment is asked for again', async () => {
  const unknown = new Error('Failed to find group coordinator');
  unknown.name = 'KafkaJSGroupCoordinatorNotFound';
  await expect(joining(unknown)).resolves.toMatchObject({
    retriable: true,
    message: unknown.message,
  });
});

test('any other answer is passed on as it is', async () => {
  const refused = new Error('not authorized');
  await expect(joining(refused)).resolves.toBe(refused);
});

test('each fetch asks by what the one before has brought', async () => {
  const asked: number[] = [];
  const message = { offset: '0', key: null, value: Buffer.alloc(1_488) };
  const partition = { partition: 0, highWatermark: '9', messages: [message] };
  const broker = {
    offsetCommit: () => Promise.resolve(),
    joinGroup: () => Promise.resolve(),
    fetch: (request: typeof fetchRequest) => {
      asked.push(request.topics[0]!.partitions[0]!.maxBytes);
      return Promise.resolve({ responses: [{ topicName: 'things', partitions: [partition] }] });
    },
  };
  const cluster = {
    findGroupCoordinator: () => Promise.resolve(broker),
    findBroker: () => Promise.resolve(broker),
    refreshMetadata: () => Promise.resolve(),
  } as unknown as Cluster;
  const fetchRequest = {
    topics: [{ topic: 'things', partitions: [{ partition: 0, fetchOffset: '0', maxBytes: 1 }] }],
  };
  new ClusterHooks('readers', sizes, () => Promise.resolve()).attach(cluster);
  for (const nodeId of ['1', '1']) {
    await (await cluster.findBroker({ nodeId })).fetch(fetchRequest);
  }
  // A record of 2,000 bytes in memory, where 1,000 were wanted.
  expect(asked).toEqual([100_000, 50_000]);
});
