/** The process that finds expired artifacts: what it reads, what it is configured with, what it connects. */
import { createWriterDecoder } from '../../lib/avro/codec';
import { artifactTable } from '../../lib/connect/needed-tables';
import { topicNames } from '../../lib/kafka/topics/topics';
import { expiredArtifactsSchema, loadConfig, type Environment } from '../../lib/process/config';
import type { ExitCode } from '../../lib/process/exit-codes';
import {
  runGroup,
  type GroupContext,
  type GroupProcess,
  type GroupWork,
} from '../../lib/service/run-group';
import { runReplay, type ReplayOrder, type ReplayReport } from '../../lib/service/run-replay';

import { openSource, untilRegistered } from '../../lib/source/open-source';
import { UnsupportedPartitionError } from '../../lib/stores/postgres/due-statements';
import { PostgresArtifactDatabase } from '../../lib/stores/postgres/expired-artifacts';
import type { ArtifactsExpired, SweepProgress } from '../../schemas/generated';
import { KafkaExpiredTopic, KafkaProgressTopic } from './kafka-topics';
import { createPipeline, type Config } from './pipeline';

const deletingGroup = 'artifact-deleter';

export const expiredArtifacts: GroupProcess<Config> = {
  name: 'expired-artifacts',
  topic: topicNames.artifactChanges,
  random: Math.random,
  readSettings: (environment) => loadConfig(expiredArtifactsSchema, environment),
  open,
};

export const run = (environment: Environment): Promise<ExitCode> =>
  runGroup(expiredArtifacts, environment);

/** `afterbuild replay`: the same work, on records that have been handled before. */
export const replay = (environment: Environment, order: ReplayOrder): Promise<ReplayReport> =>
  runReplay(expiredArtifacts, environment, order);

async function open(context: GroupContext<Config>): Promise<GroupWork> {
  const { config, registry, topicNamed, codecOf } = context;
  const source = await openSource(context, { table: artifactTable, restarts: true });
  const { pool, producer, admin, watchStream } = source;
  const records = codecOf<ArtifactsExpired>(topicNames.artifactsExpired);
  const watermarks = codecOf<SweepProgress>(topicNames.progress, true);
  const partitionsOf = async (topic: string) => (await admin.ends(topic)).length;
  const topic = topicNamed(topicNames.artifactsExpired);
  const progressTopic = topicNamed(topicNames.progress);
  const opened = await untilRegistered(context, async () => {
    await Promise.all([records.register(), watermarks.register()]);
    return { partitions: await partitionsOf(topic), shardsOver: await partitionsOf(progressTopic) };
  });
  const output = { topic, group: topicNamed(deletingGroup), producer, codec: records, admin };
  return createPipeline({
    ...context,
    ...{ watchStream, database: new PostgresArtifactDatabase(pool, config.SWEEP_MARGIN_MS) },
    expired: new KafkaExpiredTopic(opened.partitions, output),
    progressPartitions: opened.shardsOver,
    createProgress: (onWritten) => {
      const written = { topic: progressTopic, producer, codec: watermarks, onWritten };
      return new KafkaProgressTopic(opened.shardsOver, written);
    },
    decodeChange: createWriterDecoder<unknown>(registry),
    decodeProgress: (bytes) => watermarks.decode(bytes),
    isFinal: (error) => error instanceof UnsupportedPartitionError,
  });
}
