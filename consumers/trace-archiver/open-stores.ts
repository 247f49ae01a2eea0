/** Opens the archiver's stores, and checks at the start that they are the configured ones and can do what it needs. */
import type { Brake } from '../../lib/brake/brake';
import type { loadConfig, traceArchiverSchema } from '../../lib/process/config';
import { openBrakedDatabase } from '../../lib/service/open-database';
import type { GroupContext } from '../../lib/service/run-group';
import { untilReachable } from '../../lib/service/until-reachable';
import { DatabaseClock } from '../../lib/stores/postgres/database-clock';
import type { PostgresPool } from '../../lib/stores/postgres/pool';
import {
  RedisConnection,
  redisSettings,
  traceChunksSettings,
} from '../../lib/stores/redis/connection';
import { testCommands } from '../../lib/stores/redis/self-test';
import { S3Objects, s3Settings } from '../../lib/stores/s3/objects';
import { testConditionalWrites } from '../../lib/stores/s3/self-test';
import { S3Traces } from '../../lib/stores/s3/traces';

export interface Stores {
  readonly connections: PostgresPool;
  readonly brake: Brake;
  /** GitLab's clock. */
  readonly clock: DatabaseClock;
  readonly traces: S3Traces;
  /** GitLab stores flushed chunks without a prefix. */
  readonly chunkObjects: S3Traces;
  readonly sharedState: RedisConnection;
  /** Of live chunks; the same server where they have none of their own. */
  readonly traceChunks: RedisConnection;
}

type Context = GroupContext<ReturnType<typeof loadConfig<typeof traceArchiverSchema>>>;

/** @throws BrakeError or ConfigError when a server is not the configured one, or lacks what is needed. */
export async function openStores(context: Context): Promise<Stores> {
  const { config, waiting, closeAtEnd } = context;
  const clock = new DatabaseClock();
  const connectionsMax = config.ARCHIVE_CONCURRENCY + 2;
  const setClock = clock.set.bind(clock);
  const database = await openBrakedDatabase(context, { connectionsMax }, setClock);
  const bucket = new S3Objects(s3Settings(config));
  const traces = new S3Traces(s3Settings(config));
  const chunkObjects = new S3Traces({ ...s3Settings(config), prefix: '' });
  const sharedState = new RedisConnection(redisSettings(config));
  const traceChunks = new RedisConnection(traceChunksSettings(config));
  for (const one of [bucket, traces, chunkObjects, sharedState, traceChunks]) {
    closeAtEnd(() => one.close());
  }
  for (const redis of [sharedState, traceChunks]) {
    const holdsSharedState = redis === sharedState;
    const test = () => testCommands(redis, { holdsSharedState });
    await untilReachable(`Redis at ${redis.address}`, test, waiting);
  }
  const s3 = `S3 at ${config.S3_ENDPOINT ?? 'the endpoint of its region'}`;
  const tags = await untilReachable(s3, () => bucket.bucketTags(), waiting);
  database.brake.checkBucket(tags, config.S3_BUCKET_TAG, config.S3_BUCKET);
  await untilReachable(s3, () => testConditionalWrites(traces, s3), waiting);
  chunkObjects.deletesLike(traces);
  return { ...database, clock, traces, chunkObjects, sharedState, traceChunks };
}
