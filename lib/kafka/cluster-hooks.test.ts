import type { Cluster, KafkaJSError } from 'kafkajs';
import { ClusterHooks } from './cluster-hooks';
import { FetchSizes } from './fetch-sizes';

const sizes = new FetchSizes({ bytesMax: 1_000, memoryBytes: 1_000 });

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
