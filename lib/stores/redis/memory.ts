/** Reads how much memory a Redis server uses, and its limit. */
import type { RedisConnection } from './connection';
import { RedisError } from './errors';

interface RedisMemory {
  readonly usedBytes: number;
  /** Null: no limit is set. */
  readonly maxBytes: number | null;
  /** At its limit it drops keys instead of refusing commands. */
  readonly evicts: boolean;
}

/** One round trip. @throws RedisError. */
export async function readMemory(redis: RedisConnection): Promise<RedisMemory> {
  const [info] = await redis.pipeline((commands) => commands.info('memory'));
  return parseMemory(typeof info === 'string' ? info : '');
}

/** @param info the answer to INFO memory. @throws RedisError when a value is missing. */
export function parseMemory(info: string): RedisMemory {
  const used = numberOf(info, 'used_memory');
  if (used === undefined) {
    throw new RedisError(
      'Redis does not say how much memory it uses (INFO memory).',
      false,
      undefined,
    );
  }
  const max = numberOf(info, 'maxmemory') ?? 0;
  // Buffers of replicas and of the append-only file do not count against the limit.
  const uncounted = numberOf(info, 'mem_not_counted_for_evict') ?? 0;
  const policy = /^maxmemory_policy:(\S+)/m.exec(info)?.[1] ?? 'noeviction';
  return {
    usedBytes: used - uncounted,
    maxBytes: max === 0 ? null : max,
    evicts: policy !== 'noeviction',
  };
}

function numberOf(info: string, field: string): number | undefined {
  const text = new RegExp(`^${field}:(\\d+)\\r?$`, 'm').exec(info)?.[1];
  return text === undefined ? undefined : Number(text);
}
