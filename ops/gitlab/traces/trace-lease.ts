/** GitLab's exclusive leases on traces, in its shared-state Redis: a key with a uuid that expires. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { chunkLeaseKey, traceLeaseKey } from '../../../lib/gitlab/trace-chunks';

export class LeaseTakenError extends Error {
  override readonly name = 'LeaseTakenError';
}

interface LeaseRules {
  readonly ttlSeconds: number;
  readonly retries: number;
  readonly pauseMs: number;
}

const traceRules: LeaseRules = { ttlSeconds: 600, retries: 2, pauseMs: 1 };
const chunkRules: LeaseRules = { ttlSeconds: 60, retries: 10, pauseMs: 10 };

const cancelScript = `
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
`;

async function withLease<T>(
  redis: Redis,
  key: string,
  rules: LeaseRules,
  work: () => Promise<T>,
): Promise<T> {
  const uuid = randomUUID();
  for (let left = rules.retries; ; left -= 1) {
    if ((await redis.set(key, uuid, 'EX', rules.ttlSeconds, 'NX')) !== null) break;
    if (left === 0) throw new LeaseTakenError(`The lease ${key} is taken.`);
    await sleep(rules.pauseMs);
  }
  try {
    return await work();
  } finally {
    await redis.eval(cancelScript, 1, key, uuid);
  }
}

/** @throws LeaseTakenError after GitLab's two retries. */
export async function withTraceLease<T>(
  redis: Redis,
  buildId: number,
  work: () => Promise<T>,
): Promise<T> {
  return withLease(redis, traceLeaseKey(buildId), traceRules, work);
}

/** @throws LeaseTakenError after GitLab's ten retries. */
export async function withChunkLease<T>(
  redis: Redis,
  chunk: { readonly buildId: number; readonly index: number },
  work: () => Promise<T>,
): Promise<T> {
  return withLease(redis, chunkLeaseKey(chunk.buildId, chunk.index), chunkRules, work);
}
