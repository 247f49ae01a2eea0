/** Makes the guard with its adapters, and its gauges and status. */
import { LoggedNotes } from '../logged-notes';
import { createGuardCounts, showRedisRooms } from '../../../lib/metrics/effects';
import { systemClock } from '../../../lib/process/clock';
import type { loadConfig, traceArchiverSchema } from '../../../lib/process/config';
import type { HealthContext } from '../../../lib/service/health';
import { createUntilDone } from '../../../lib/service/until-done';
import { PostgresChunkMoves } from '../../../lib/stores/postgres/chunk-moves';
import type { PostgresPool } from '../../../lib/stores/postgres/pool';
import { RedisChunkLeases } from '../../../lib/stores/redis/chunk-leases';
import type { RedisConnection } from '../../../lib/stores/redis/connection';
import { readMemory } from '../../../lib/stores/redis/memory';
import { chunkStore } from '../../../lib/gitlab/trace-chunks';
import type { Dependencies } from '../dependencies';
import { RedisGuard } from './guard';
import type { GuardedRedis } from './ports';

interface GuardParts {
  readonly config: ReturnType<typeof loadConfig<typeof traceArchiverSchema>>;
  readonly dependencies: Dependencies;
  readonly connections: PostgresPool;
  readonly sharedState: RedisConnection;
  readonly traceChunks: RedisConnection;
  readonly health: Pick<HealthContext, 'logger' | 'metrics' | 'troubles'>;
  readonly random: () => number;
}

export function openGuard(parts: GuardParts): RedisGuard {
  const { config, dependencies, connections, sharedState, health, random } = parts;
  const { logger, metrics, troubles } = health;
  const guard = new RedisGuard({
    dependencies: {
      ...dependencies,
      chunkLeases: new RedisChunkLeases(sharedState, config.ARCHIVE_LEASE_MS),
      moves: new PostgresChunkMoves(connections),
      counts: createGuardCounts(metrics),
      logged: new LoggedNotes(),
    },
    servers: serversOf(parts),
    settings: {
      startPercent: config.REDIS_GUARD_START_PERCENT,
      ttlMs: config.REDIS_GUARD_TTL_MS,
      latencyMs: config.REDIS_GUARD_LATENCY_MS,
      everyMs: config.REDIS_GUARD_EVERY_MS,
      passMs: config.REDIS_GUARD_PASS_MS,
    },
    untilDone: createUntilDone({ clock: systemClock, logger, random, troubles }),
    clock: systemClock,
  });
  showRedisRooms(metrics, () => guard.rooms);
  return guard;
}

/** One where live chunks have no Redis of their own. */
function serversOf({ config, sharedState, traceChunks }: GuardParts): GuardedRedis[] {
  const { redis, redisTraceChunks } = chunkStore;
  const shared = { name: 'shared-state', memory: () => readMemory(sharedState) } as const;
  if (config.REDIS_TRACE_CHUNKS_HOST === undefined) {
    return [{ ...shared, stores: [redis, redisTraceChunks] }];
  }
  return [
    { ...shared, stores: [redis] },
    {
      name: 'trace-chunks',
      stores: [redisTraceChunks],
      memory: () => readMemory(traceChunks),
    },
  ];
}
