/** The process that deletes expired artifacts: what it reads, what it is configured with, what it connects. */
import type { Brake } from '../../lib/brake/brake';
import { DeletionBudget } from '../../lib/brake/deletion-budget';
import { ItemMeter } from '../../lib/control/item-meter';
import { consumersWork } from '../../lib/control/source-work';
import { failurePolicy } from '../../lib/failures/classify';
import { partitionsDefault, topicNames } from '../../lib/kafka/topics/topics';
import { createDeletionCounts } from '../../lib/metrics/effects';
import { artifactDeleterSchema, type Environment, loadConfig } from '../../lib/process/config';
import type { ExitCode } from '../../lib/process/exit-codes';
import type { Subscription } from '../../lib/runtime/subscription';
import { openBrakedDatabase } from '../../lib/service/open-database';
import {
  runGroup,
  type GroupContext,
  type GroupProcess,
  type GroupWork,
} from '../../lib/service/run-group';
import { runReplay, type ReplayOrder, type ReplayReport } from '../../lib/service/run-replay';

import { untilReachable } from '../../lib/service/until-reachable';
import { deletingSessions, PostgresArtifacts } from '../../lib/stores/postgres/artifacts';
import { isOverload } from '../../lib/stores/postgres/errors';
import type { PostgresPool } from '../../lib/stores/postgres/pool';
import { S3Objects, s3Settings } from '../../lib/stores/s3/objects';
import type { ArtifactsExpired } from '../../schemas/generated';
import { createHandler } from './handler';
import { checkRecord } from './record';

type Config = ReturnType<typeof loadConfig<typeof artifactDeleterSchema>>;
type Context = GroupContext<Config>;

/** Records of one key and partition_id that one statement may take together. */
const recordsMax = 200;

export const artifactDeleter: GroupProcess<Config> = {
  name: 'artifact-deleter',
  topic: topicNames.artifactsExpired,
  random: Math.random,
  readSettings: (environment) => loadConfig(artifactDeleterSchema, environment),
  // A dry run has a group of its own, or it would consume the records of the live one.
  groupSuffix: ({ DELETE_DRY_RUN: isDry }) => (isDry ? '.dry-run' : ''),
  open,
};

export const run = (environment: Environment): Promise<ExitCode> =>
  runGroup(artifactDeleter, environment);

/** `afterbuild replay`: the same work, on records that have been handled before. */
export const replay = (environment: Environment, order: ReplayOrder): Promise<ReplayReport> =>
  runReplay(artifactDeleter, environment, order);

async function open(context: Context): Promise<GroupWork> {
  const stores = await openStores(context);
  const meter = new ItemMeter(context.clock);
  return {
    subscription: expiredArtifacts(context, stores, meter),
    onDecision: (decision) => stores.brake.decide(decision),
    onDecisionsRead: () => stores.brake.decisionsRead(),
    concurrency: context.config.DELETE_CONCURRENCY,
    sourceWork: () => consumersWork('artifacts', meter),
  };
}

interface Stores {
  readonly connections: PostgresPool;
  readonly brake: Brake;
  readonly objects: S3Objects;
}

/** @throws BrakeError when database or bucket is not the configured one; S3Error when it cannot delete. */
async function openStores(context: Context): Promise<Stores> {
  const { config, waiting, closeAtEnd } = context;
  const objects = new S3Objects(s3Settings(config));
  closeAtEnd(() => objects.close());
  const connectionsMax = config.DELETE_CONCURRENCY + 1;
  const database = await openBrakedDatabase(context, { connectionsMax, ...deletingSessions });
  const stores = { ...database, objects };
  const s3 = `S3 at ${config.S3_ENDPOINT ?? 'the endpoint of its region'}`;
  await untilReachable(s3, () => proveBucket(config, stores), waiting);
  // A dry run deletes nothing, and may lack the right.
  if (!config.DELETE_DRY_RUN) await untilReachable(s3, () => objects.probeDeletion(), waiting);
  return stores;
}

async function proveBucket(
  config: Config,
  { brake, objects }: Pick<Stores, 'brake' | 'objects'>,
): Promise<void> {
  brake.checkBucket(await objects.bucketTags(), config.S3_BUCKET_TAG, config.S3_BUCKET);
}

function expiredArtifacts(
  context: Context,
  { connections, brake, objects }: Stores,
  meter: ItemMeter,
): Subscription<ArtifactsExpired> {
  const { config, clock, control, logger, metrics, name, partitionsOf, random } = context;
  const topic = context.topicNamed(topicNames.artifactsExpired);
  const codec = context.codecOf<ArtifactsExpired>(topicNames.artifactsExpired);
  const budget = new DeletionBudget({
    perMinuteMax: config.DELETIONS_PER_MINUTE_MAX,
    partitionsTotal: () => partitionsOf(topic) ?? partitionsDefault,
  });
  const handle = createHandler({
    ...{ rows: new PostgresArtifacts(connections), objects, brake },
    proveBucket: () => proveBucket(config, { brake, objects }),
    allowance: budget,
    counts: createDeletionCounts(metrics, meter),
    setAside: context.setAside,
    rowsMax: config.DELETE_ROWS_MAX,
    dryRun: config.DELETE_DRY_RUN,
    holdsDry: () => control.effective.dryRun,
    ...{ clock, random, logger, reach: context.reach },
  });
  return {
    topic,
    start: 'committed',
    decode: async (value) => checkRecord(await codec.decode(value)),
    maxRecords: recordsMax,
    concurrency: 'adaptive',
    isOverload,
    maxWeight: config.DELETE_ROWS_MAX,
    weigh: ({ artifacts }) => artifacts.length,
    handle,
    failures: {
      ...failurePolicy(config.AFTERBUILD_NAMESPACE, name, ['postgres', 's3', 'brake']),
      encode: (rest) => codec.encode(rest as ArtifactsExpired),
      count: (rest) => (rest as ArtifactsExpired).artifacts.length,
    },
    onAssigned: (partition) => budget.assigned(partition),
    onLost: (partition) => budget.lost(partition),
  };
}
