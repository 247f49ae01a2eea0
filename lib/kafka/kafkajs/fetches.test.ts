import { KafkaJSConnectionError, KafkaJSError } from 'kafkajs';
import { systemClock } from '../../process/clock';
import { FetchSizes } from './fetch-sizes';
import { Fetches } from './fetches';
import type { InnerBroker, InnerCluster } from './internals';

const fetchRequest = {
  topics: [{ topic: 'things', partitions: [{ partition: 0, fetchOffset: '0', maxBytes: 1 }] }],
};

function guarded(fetch: (request: typeof fetchRequest) => Promise<unknown>) {
  const refreshed = jest.fn(() => Promise.resolve());
  const cluster = { refreshMetadata: refreshed } as unknown as InnerCluster;
  const sizes = new FetchSizes({ bytesMax: 100_000, memoryBytes: 1_000 });
  const fetches = new Fetches(cluster, sizes, systemClock);
  const broker = { fetch } as unknown as InnerBroker;
  return { refreshed, fetches, broker: fetches.guard(fetches.guard(broker)) };
}

test('each fetch asks by what the one before has brought', async () => {
  const asked: number[] = [];
  const message = { offset: '0', key: null, value: Buffer.alloc(1_488) };
  const partition = { partition: 0, highWatermark: '9', messages: [message] };
  const { broker } = guarded((request) => {
    asked.push(request.topics[0]!.partitions[0]!.maxBytes);
    return Promise.resolve({ responses: [{ topicName: 'things', partitions: [partition] }] });
  });
  await broker.fetch(fetchRequest);
  await broker.fetch(fetchRequest);
  // A record of 2,000 bytes in memory, where 1,000 were wanted.
  expect(asked).toEqual([100_000, 50_000]);
});

test.each([
  ['has moved', Object.assign(new KafkaJSError('x'), { type: 'NOT_LEADER_FOR_PARTITION' })],
  ['is gone', new KafkaJSConnectionError('Connection error: ECONNREFUSED')],
])(
  'a leader that %s brings nothing, and the leader is looked up: no member joins again',
  async (_, error) => {
    const { broker, refreshed } = guarded(() => Promise.reject(error));
    await expect(broker.fetch(fetchRequest)).resolves.toEqual({ responses: [] });
    expect(refreshed).toHaveBeenCalledTimes(1);
  },
);

test('any other error is passed on as it is', async () => {
  const error = Object.assign(new KafkaJSError('x'), { type: 'UNKNOWN_TOPIC_OR_PARTITION' });
  const { broker, refreshed } = guarded(() => Promise.reject(error));
  await expect(broker.fetch(fetchRequest)).rejects.toBe(error);
  expect(refreshed).not.toHaveBeenCalled();
});

test('a fetch without an answer is given up for a join', async () => {
  const { broker, fetches } = guarded(() => new Promise(() => undefined));
  const fetching = broker.fetch(fetchRequest);
  fetches.giveUp();
  await expect(fetching).resolves.toEqual({ responses: [] });
});
