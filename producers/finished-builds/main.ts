/** The process that finds finished builds: what it reads, what it is configured with, what it connects. */
import { createWriterDecoder } from '../../lib/avro/codec';
import { buildTable } from '../../lib/connect/needed-tables';
import { topicNames } from '../../lib/kafka/topics/topics';
import { finishedBuildsSchema, loadConfig, type Environment } from '../../lib/process/config';
import type { ExitCode } from '../../lib/process/exit-codes';
import {
  runGroup,
  type GroupContext,
  type GroupProcess,
  type GroupWork,
} from '../../lib/service/run-group';
import { runReplay, type ReplayOrder, type ReplayReport } from '../../lib/service/run-replay';

import { openSource, untilRegistered } from '../../lib/source/open-source';
import { PostgresBuildDatabase } from '../../lib/stores/postgres/stale-builds';
import type { BuildFinished, StaleProgress } from '../../schemas/generated';
import { KafkaCursorTopic, KafkaFinishedTopic } from './kafka-topics';
import { createPipeline, type Config } from './pipeline';

const archivingGroup = 'trace-archiver';

export const finishedBuilds: GroupProcess<Config> = {
  name: 'finished-builds',
  topic: topicNames.buildChanges,
  random: Math.random,
  readSettings: (environment) => loadConfig(finishedBuildsSchema, environment),
  open,
};

export const run = (environment: Environment): Promise<ExitCode> =>
  runGroup(finishedBuilds, environment);

/** `afterbuild replay`: the same work, on records that have been handled before. */
export const replay = (environment: Environment, order: ReplayOrder): Promise<ReplayReport> =>
  runReplay(finishedBuilds, environment, order);

async function open(context: GroupContext<Config>): Promise<GroupWork> {
  const { registry, topicNamed, codecOf } = context;
  const source = await openSource(context, { table: buildTable, restarts: false });
  const { pool, producer, admin, watchStream } = source;
  const builds = codecOf<BuildFinished>(topicNames.buildsFinished);
  const cursors = codecOf<StaleProgress>(topicNames.staleProgress, true);
  await untilRegistered(context, () => Promise.all([builds.register(), cursors.register()]));
  const topic = topicNamed(topicNames.buildsFinished);
  const cursorTopic = topicNamed(topicNames.staleProgress);
  const output = { topic, group: topicNamed(archivingGroup), producer, codec: builds, admin };
  return createPipeline({
    ...context,
    ...{ watchStream, database: new PostgresBuildDatabase(pool) },
    finished: new KafkaFinishedTopic(output),
    slices: (await admin.ends(cursorTopic)).length,
    createCursors: (onWritten) =>
      new KafkaCursorTopic({ topic: cursorTopic, producer, codec: cursors, onWritten }),
    decodeChange: createWriterDecoder<unknown>(registry),
    decodeCursor: (bytes) => cursors.decode(bytes),
  });
}
