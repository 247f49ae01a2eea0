import { createRequire } from 'node:module';
import { quietRequestQueue } from './quiet-request-queue';

interface Queue {
  pending: unknown[];
  throttledUntil: number;
  throttleCheckTimeoutId: unknown;
  scheduleCheckPendingRequests(): void;
  destroy(): void;
}

function createQueue(): Queue {
  const Queue = createRequire(__filename)('kafkajs/src/network/requestQueue') as new (options: {
    logger: object;
  }) => Queue;
  return new Queue({ logger: {} });
}

test('no timer is armed while no request waits, and one is as soon as one does', () => {
  quietRequestQueue();
  quietRequestQueue();
  const queue = createQueue();
  queue.scheduleCheckPendingRequests();
  expect(queue.throttleCheckTimeoutId).toBeNull();
  queue.pending.push({});
  queue.scheduleCheckPendingRequests();
  expect(queue.throttleCheckTimeoutId).not.toBeNull();
  queue.destroy();
});
