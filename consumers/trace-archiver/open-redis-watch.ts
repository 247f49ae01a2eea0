/** Makes the watch over GitLab's Redis servers, with its adapters. */
import { systemClock } from '../../lib/process/clock';
import type { loadConfig, traceArchiverSchema } from '../../lib/process/config';
import type { HealthContext } from '../../lib/service/health';
import type { RedisConnection } from '../../lib/stores/redis/connection';
import { RedisLeaseReserve } from '../../lib/stores/redis/lease-reserve';
import { readMemory } from '../../lib/stores/redis/memory';
import { RedisWatch, type WatchedRedis } from './redis-watch';

interface RedisServers {
  readonly sharedState: RedisConnection;
  readonly traceChunks: RedisConnection;
}

const lookEveryMs = 5_000;

/** Checks once, and from then on every five seconds. @returns a function that ends it. */
export async function watchRedis(
  ...[config, servers, health]: Parameters<typeof openRedisWatch>
): Promise<() => void> {
  const watch = openRedisWatch(config, servers, health);
  await watch.look();
  return systemClock.every(lookEveryMs, () => void watch.look());
}

/** One server where live chunks have no Redis of their own. */
function openRedisWatch(
  config: ReturnType<typeof loadConfig<typeof traceArchiverSchema>>,
  { sharedState, traceChunks }: RedisServers,
  health: Pick<HealthContext, 'logger' | 'metrics' | 'troubles'>,
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
    ...{ logger: health.logger, metrics: health.metrics, troubles: health.troubles },
    watched: hasOwn ? [shared, watchedAs('trace-chunks', traceChunks)] : [shared],
  });
}
