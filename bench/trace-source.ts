/**
 * Finished builds with live traces, made once a size and cloned for each run: the database by its
 * template, the chunks from one of Redis' databases into another. So all runs archive the same.
 */
import type { Redis } from 'ioredis';
import { createCodec } from '../lib/avro/codec';
import { createRegistry } from '../lib/avro/registry';
import { loadSchema } from '../lib/avro/schema-file';
import { createKafka } from '../lib/kafka/kafkajs/create-kafka';
import { createProducer } from '../lib/kafka/producer';
import { topicNames } from '../lib/kafka/topics/topics';
import { systemClock } from '../lib/process/clock';
import { connectionSchema, loadConfig } from '../lib/process/config';
import { createLogger } from '../lib/process/logger';
import { MemoryLedger } from '../ops/gitlab/ledger';
import type { TraceBuild } from '../ops/gitlab/traces/live-trace';
import { applySourceSchema, cloneSourceDatabase, dropSourceDatabase } from '../ops/gitlab/schema';
import { TraceWorld } from '../ops/gitlab/traces/trace-world';
import { World } from '../ops/gitlab/world';
import { connectGitlab, makeBucket } from '../ops/local/connected-gitlab';
import type { RunningStack } from '../ops/local/stack/running-stack';
import { stackEnvironment, type StackScope } from '../ops/local/stack/stack-environment';
import type { BuildFinished } from '../schemas/generated';
import { asSuperuser, passwordsOf, superuserOf } from './bench-source';

export interface TraceSource {
  readonly name: string;
  readonly sizeBytes: number;
  readonly builds: readonly TraceBuild[];
}

/** Of Redis: what the source keeps, and what a run works on. Scenarios take theirs from the other end. */
export const redisDatabases = { source: 14, run: 15 } as const;

const bucketTag = 'afterbuild=bench';
/** Traces in GitLab's present Redis store, as runners leave them: with the checksum that they reported. */
const finishedAgoMs = 86_400_000;
const copiesAtOnce = 5_000;

const templateOf = (name: string): string => `bench_${name}`;

/** Before the clone, not after it: page images would be counted as the run's. */
export async function makeTraceSource(
  stack: RunningStack,
  { sizeBytes, count }: { readonly sizeBytes: number; readonly count: number },
): Promise<TraceSource> {
  const name = `traces-${sizeBytes}-${count}`;
  const database = templateOf(name).replaceAll('-', '_');
  await applySourceSchema(superuserOf(stack), { database, passwords: passwordsOf(stack) });
  const gitlab = connectGitlab(stack, { database, bucket: name, bucketTag });
  await gitlab.redis.select(redisDatabases.source);
  await gitlab.redis.flushdb();
  const world = new TraceWorld(new World({ ...gitlab, ledger: new MemoryLedger() }));
  const builds = await world.manyTraces({ count, sizeBytes, finishedAgoMs, pendingState: 'right' });
  await gitlab.close();
  await asSuperuser(stack, database, (client) => client.query('VACUUM (FREEZE, ANALYZE)'));
  // The superuser's statement needs no database of this run.
  await asSuperuser(stack, 'postgres', (client) => client.query('CHECKPOINT'));
  return { name: database, sizeBytes, builds };
}

export async function dropTraceSource(stack: RunningStack, { name }: TraceSource): Promise<void> {
  await dropSourceDatabase(superuserOf(stack), name);
  await onRedis(stack, async (redis) => {
    await redis.select(redisDatabases.source);
    await redis.flushdb();
  });
}

/** A connection of its own, in no scenario's database. */
export async function cloneTraces(
  stack: RunningStack,
  source: TraceSource,
  run: string,
): Promise<StackScope> {
  const database = run.replaceAll('-', '_');
  await cloneSourceDatabase(superuserOf(stack), { template: source.name, database });
  const scope = { database, bucket: run, bucketTag, namespace: `${run}.` };
  await makeBucket(stack, scope);
  await onRedis(stack, copyChunks);
  return scope;
}

async function copyChunks(redis: Redis): Promise<void> {
  await redis.select(redisDatabases.run);
  await redis.flushdb();
  await redis.select(redisDatabases.source);
  const keys = await redis.keys('*');
  for (let at = 0; at < keys.length; at += copiesAtOnce) {
    const copies = redis.pipeline();
    for (const key of keys.slice(at, at + copiesAtOnce)) {
      copies.copy(key, key, 'DB', redisDatabases.run);
    }
    await copies.exec();
  }
}

/** Writes a record of `builds.finished` for each to the topic, as the producer would. */
export async function onRedis<T>(
  stack: RunningStack,
  work: (redis: Redis) => Promise<T>,
): Promise<T> {
  const gitlab = connectGitlab(stack, { database: 'postgres', bucket: 'none', bucketTag });
  try {
    return await work(gitlab.redis);
  } finally {
    await gitlab.close();
  }
}

/** Writes a record of `builds.finished` for each to the topic, as the producer would. */
export async function announceBuilds(
  stack: RunningStack,
  scope: StackScope,
  { builds }: TraceSource,
): Promise<void> {
  const config = loadConfig(connectionSchema, stackEnvironment(stack, 'archiver', scope));
  const topic = `${config.AFTERBUILD_NAMESPACE}${topicNames.buildsFinished}`;
  const registry = createRegistry({ url: config.SCHEMA_REGISTRY_URL, clock: systemClock });
  const codec = createCodec<BuildFinished>(registry, {
    subject: `${topic}-value`,
    schema: loadSchema(topicNames.buildsFinished),
  });
  const systemIdentifier = config.POSTGRES_SYSTEM_IDENTIFIER;
  const origin = { systemIdentifier, databaseName: scope.database, timeline: 1, lsn: 1 };
  const finishedAtMs = Date.now() - finishedAgoMs;
  const records = builds.map(async ({ partitionId, projectId, id: buildId }) => ({
    topic,
    key: `${partitionId}:${buildId}`,
    value: await codec.encode({
      ...{ origin, source: 'change', partitionId, buildId, projectId },
      ...{ status: 'success', finishedAtMs },
    }),
  }));
  const producer = createProducer(createKafka(config, 'bench', createLogger('bench', 'error')));
  await producer.connect();
  try {
    await producer.send(await Promise.all(records));
  } finally {
    await producer.disconnect();
  }
}
