/** The process that archives traces: what it reads, what it is configured with, what it connects. */
import { ItemMeter } from '../../lib/control/item-meter';
import { consumersWork } from '../../lib/control/source-work';
import { failurePolicy } from '../../lib/failures/classify';
import { partitionOf } from '../../lib/kafka/producer';
import { topicNames } from '../../lib/kafka/topics/topics';
import { createArchiveCounts } from '../../lib/metrics/effects';
import { ByteBudget } from '../../lib/process/byte-budget';
import { type Environment, loadConfig, traceArchiverSchema } from '../../lib/process/config';
import type { ExitCode } from '../../lib/process/exit-codes';
import { within } from '../../lib/process/within';
import type { Consumer } from '../../lib/runtime/consumer';
import type { Subscription } from '../../lib/runtime/subscription';
import {
  runGroup,
  type Beside,
  type GroupContext,
  type GroupProcess,
  type GroupWork,
} from '../../lib/service/run-group';
import { runReplay, type ReplayOrder, type ReplayReport } from '../../lib/service/run-replay';

import { isOverload } from '../../lib/stores/postgres/errors';
import { PostgresTraces } from '../../lib/stores/postgres/traces';
import { RedisMissingChunks } from '../../lib/stores/redis/missing-chunks';
import { RedisTraceChunks } from '../../lib/stores/redis/trace-chunks';
import { RedisTraceLeases } from '../../lib/stores/redis/trace-leases';
import type { BuildFinished } from '../../schemas/generated';
import type { Dependencies } from './dependencies';
import { ShownEndingTraces } from './ending-traces';
import { createHandler } from './handler';
import { watchRedis } from './open-redis-watch';
import { openStores, type Stores } from './open-stores';
import { checkRecord } from './record';
import type { RedisGuard, Steering } from './redis-guard/guard';
import { openGuard } from './redis-guard/open';

type Config = ReturnType<typeof loadConfig<typeof traceArchiverSchema>>;
type Context = GroupContext<Config>;

/** So many builds share one read, one round trip to Redis and one transaction. */
const recordsMax = 100;

export const traceArchiver: GroupProcess<Config> = {
  name: 'trace-archiver',
  topic: topicNames.buildsFinished,
  random: Math.random,
  readSettings: (environment) => loadConfig(traceArchiverSchema, environment),
  open,
};

export const run = (environment: Environment): Promise<ExitCode> =>
  runGroup(traceArchiver, environment);

/** `afterbuild replay`: the same work, on records that have been handled before. */
export const replay = (environment: Environment, order: ReplayOrder): Promise<ReplayReport> =>
  runReplay(traceArchiver, environment, order);

async function open(context: Context): Promise<GroupWork> {
  const { config, random, closeAtEnd } = context;
  const stores = await openStores(context);
  const meter = new ItemMeter(context.clock);
  const dependencies = dependenciesOf(context, stores, meter);
  const guard = openGuard({ config, dependencies, ...stores, health: context, random });
  closeAtEnd(await watchRedis(config, stores, context));
  return {
    subscription: finishedBuilds(context, dependencies),
    onDecision: (decision) => stores.brake.decide(decision),
    onDecisionsRead: () => stores.brake.decisionsRead(),
    concurrency: config.ARCHIVE_CONCURRENCY,
    sourceWork: () => consumersWork('builds', meter),
    redis: () => guard.view,
    begin: (consumer) => runGuard(context, guard, consumer),
  };
}

function runGuard(context: Context, guard: RedisGuard, consumer: Consumer): Beside {
  const { clock, config, fail, signal } = context;
  const running = guard.run(signal, steeringOf(context, consumer)).catch(fail);
  return {
    stop: () => undefined,
    stopped: () => within(clock, config.STOP_LIMIT_MS, running, undefined),
  };
}

/** The guard's work is shared out like the records, and a pause also pauses the guard. */
function steeringOf({ control, topicNamed }: Context, consumer: Consumer): Steering {
  const topic = topicNamed(topicNames.buildsFinished);
  return {
    mode: () => (control.effective.paused ? 'off' : control.effective.redisGuard),
    mayBegin: () => consumer.mayBegin(),
    ours: () => {
      const count = consumer.partitionsOf(topic) ?? 0;
      const own = consumer.state().partitions.filter((held) => held.topic === topic);
      const held = new Set(own.map(({ partition }) => partition));
      return (partitionId, buildId) =>
        count > 0 && held.has(partitionOf(`${partitionId}:${buildId}`, count));
    },
  };
}

function dependenciesOf(context: Context, stores: Stores, meter: ItemMeter): Dependencies {
  const { config, logger, metrics, reach, troubles } = context;
  const rows = new PostgresTraces(stores.connections);
  return {
    rows,
    objects: stores.traces,
    chunks: {
      rows,
      sharedState: new RedisTraceChunks(stores.sharedState),
      traceChunks: new RedisTraceChunks(stores.traceChunks),
      objects: stores.chunkObjects,
    },
    leases: new RedisTraceLeases(stores.sharedState, config.ARCHIVE_LEASE_MS),
    missing: new RedisMissingChunks(stores.sharedState),
    ending: new ShownEndingTraces({ troubles, metrics, clock: stores.clock }),
    brake: stores.brake,
    counts: createArchiveCounts(metrics, meter),
    rules: {
      settleMs: config.ARCHIVE_SETTLE_MS,
      doubtMs: config.ARCHIVE_DOUBT_MS,
      lostAfterMs: config.ARCHIVE_LOST_AFTER_MS,
      lostReads: config.ARCHIVE_LOST_READS,
      adoptAfterMs: config.ARCHIVE_ADOPT_AFTER_MS,
      bytesMax: config.ARCHIVE_BYTES_MAX,
      saveBeforeMs: config.ARCHIVE_SAVE_BEFORE_MS,
      keepMs: config.ARCHIVE_KEEP_MS,
      keepUntilMs: config.ARCHIVE_KEEP_UNTIL_MS,
    },
    leaseMs: config.ARCHIVE_LEASE_MS,
    budget: new ByteBudget(config.ARCHIVE_HELD_BYTES_MAX),
    clock: stores.clock,
    logger,
    reach,
  };
}

function finishedBuilds(
  { config, name, topicNamed, codecOf }: Context,
  dependencies: Dependencies,
): Subscription<BuildFinished> {
  const codec = codecOf<BuildFinished>(topicNames.buildsFinished);
  return {
    topic: topicNamed(topicNames.buildsFinished),
    start: 'committed',
    decode: async (value) => checkRecord(await codec.decode(value)),
    maxRecords: recordsMax,
    concurrency: 'adaptive',
    isOverload,
    handle: createHandler(dependencies),
    failures: failurePolicy(config.AFTERBUILD_NAMESPACE, name, [
      'postgres',
      'redis',
      's3',
      'brake',
    ]),
  };
}
