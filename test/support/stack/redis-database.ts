/**
 * A Redis database of its own for each scenario. Build ids start at 1 in every cloned database, and
 * GitLab's keys hold nothing but the build id, so two scenarios in one Redis database would share keys.
 */
import type { Redis } from 'ioredis';

const claimKey = (database: number): string => `afterbuild:test:redis-database:${database}`;
/** A claim outlives a test that was killed by no more than this. */
const claimSeconds = 1_800;

/**
 * Takes a free database, empties it and points the connection at it, also for later reconnects.
 * Database 0 only holds the claims.
 * @returns its number, for `REDIS_DB`.
 * @throws Error when all are taken.
 */
export async function claimRedisDatabase(redis: Redis, owner: string): Promise<number> {
  const [, databases = '16'] = await redis.config('GET', 'databases');
  for (let database = 1; database < Number(databases); database += 1) {
    await redis.select(0);
    const claimed = await redis.set(claimKey(database), owner, 'EX', claimSeconds, 'NX');
    if (claimed === null) continue;
    await redis.select(database);
    await redis.flushdb();
    return database;
  }
  throw new Error(
    `All ${databases} databases of Redis are taken by other tests; a dead test's claim ends after ${claimSeconds / 60} minutes.`,
  );
}

/** Empties the database and lets the next one have it. */
export async function releaseRedisDatabase(redis: Redis, database: number): Promise<void> {
  await redis.select(database);
  await redis.flushdb();
  await redis.select(0);
  await redis.del(claimKey(database));
}
