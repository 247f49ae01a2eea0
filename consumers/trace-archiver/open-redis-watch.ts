/** Makes the watch over GitLab's Redis servers: adapters around it. */
import type { loadConfig, traceArchiverSchema } from '../../lib/process/config';
import type { LivingContext } from '../../lib/process/life';
import type { RedisConnection } from '../../lib/stores/redis/connection';
import { RedisLeaseReserve } from '../../lib/stores/redis/lease-reserve';
import { readMemory } from '../../lib/stores/redis/memory';
import { RedisWatch, type WatchedRedis } from './redis-watch';

interface RedisServers {
  readonly sharedState: RedisConnection;
  readonly traceChunks: RedisConnection;
}

/** One server where live chunks have no Redis of their own. */
export function openRedisWatch(
  config: ReturnType<typeof loadConfig<typeof traceArchiverSchema>>,
  { sharedState, traceChunks }: RedisServers,
  living: Pick<LivingContext, 'logger' | 'metrics' | 'troubles'>,
): RedisWatch {
  const reserve = new RedisLeaseReserve(sharedState);
  const watchedAs = (store: WatchedRedis['store'], redis: RedisConnection): WatchedRedis => ({
    store,
    address: redis.address,
    refusedAsFull: () => redis.refusedAsFull,
    memory: () => readMemory(redis),
  });
  const shared = {
    ...watchedAs('shared-state', sharedState),
    keepReserve: reserve.keep.bind(reserve),
  };
  const hasOwn = config.REDIS_TRACE_CHUNKS_HOST !== undefined;
  return new RedisWatch({
    ...{ logger: living.logger, metrics: living.metrics, troubles: living.troubles },
    watched: hasOwn ? [shared, watchedAs('trace-chunks', traceChunks)] : [shared],
  });
}
