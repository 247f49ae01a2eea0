/** Connects sweeps, change path and loop limit. */
import type { z } from 'zod';
import { DatabaseGuard } from '../../lib/brake/database-guard';
import type { WatchStream } from '../../lib/connect/watch-stream';
import type { ControlClient } from '../../lib/control/control-client';
import { failurePolicy } from '../../lib/failures/classify';
import { partitionOf } from '../../lib/kafka/producer';
import { topicNames } from '../../lib/kafka/topics/topics';
import type { expiredArtifactsSchema } from '../../lib/process/config';
import type { AnySubscription } from '../../lib/runtime/subscription';
import { expectedDatabase } from '../../lib/service/open-database';
import type { GroupContext, GroupWork } from '../../lib/service/run-group';
import { createUntilDone } from '../../lib/service/until-done';
import { changeSubscription } from '../../lib/source/change-subscription';
import { progressSubscription } from '../../lib/source/progress-subscription';
import { workOfSource } from '../../lib/source/source-work';
import type { SweepProgress } from '../../schemas/generated';
import { refuseProgress } from './believable';
import { readChange } from './change-event';
import { ChangePath } from './change-path';
import { DueWork } from './due-work';
import { LoopLimit } from './loop-limit';
import { LoopLimitedOutput, type PacedOutput } from './paced-output';
import type { ArtifactDatabase, ExpiredTopic, ProgressTopic } from './ports';
import { progressKey } from './progress';
import { recordLimits } from './records';
import { ShardSweep, type SweepDependencies } from './shard-sweep';
import { Sweeps } from './sweeps';

export type Config = z.output<typeof expiredArtifactsSchema>;

/** Everything outside this process, connected. */
interface PipelineContext extends GroupContext<Config> {
  readonly database: ArtifactDatabase;
  readonly expired: ExpiredTopic;
  /** Of the topic of watermarks; each shard belongs to one of them for ever. */
  readonly progressPartitions: number;
  readonly createProgress: (
    onWritten: (partition: number, progress: SweepProgress) => void,
  ) => ProgressTopic;
  readonly decodeChange: (bytes: Buffer | null) => unknown;
  readonly decodeProgress: (bytes: Buffer) => SweepProgress | Promise<SweepProgress>;
  readonly watchStream: WatchStream;
  readonly isFinal: (error: unknown) => boolean;
}

export function createPipeline(context: PipelineContext): GroupWork {
  const { config, logger, clock, control, database, expired, troubles, watchStream } = context;
  const guard = new DatabaseGuard(expectedDatabase(config), clock, logger);
  const limit = new LoopLimit(
    () => control.effective.loopLimit ?? config.LOOP_LIMIT_ARTIFACTS,
    expired.partitions,
    recordLimits.artifacts,
  );
  const output = new LoopLimitedOutput(expired, limit, clock, logger, troubles);
  const sweeps = createSweeps(context, guard, pausable(output, control));
  const due = new DueWork({ database, sweeps, output, limit, clock, logger });
  return workOfSource({
    ...{ context, guard, sweeps, watchStream, counting: due },
    sourceWork: () => due.read(),
    progress: watermarks(context, sweeps),
    changes: changes(context, guard, output),
  });
}

/** A paused sweep keeps the page that it has read; the DELETE decides again which rows may go. */
const pausable = (output: PacedOutput, control: ControlClient): PacedOutput => ({
  produce: async (records, signal, onAnswer) => {
    await control.untilNotPaused(signal);
    await output.produce(records, signal, onAnswer);
  },
});

function createSweeps(context: PipelineContext, guard: DatabaseGuard, output: PacedOutput): Sweeps {
  const { config, logger, clock, database, reach, random, troubles, isFinal } = context;
  const repeating = { clock, random, troubles, isFinal };
  const untilDone = createUntilDone({ ...repeating, logger });
  const progress = context.createProgress((partition, written) =>
    sweeps.noteProgress(partition, written),
  );
  const shared: Omit<SweepDependencies, 'logger' | 'untilDone'> = {
    ...{ database, output, progress, guard, reach, clock, setAside: context.setAside },
    settings: {
      pageRows: config.SWEEP_PAGE_ROWS,
      idleMs: config.SWEEP_IDLE_MS,
      fullEveryMs: config.SWEEP_FULL_EVERY_MS,
    },
  };
  const sweeps: Sweeps = new Sweeps({
    ...{ database, progress, guard, untilDone, troubles, clock, logger },
    onFatal: context.fail,
    slot: config.CDC_SLOT,
    createSweep: (shard, from) => {
      const own = logger.child({ shard: shard.name });
      const dependencies = {
        ...shared,
        logger: own,
        untilDone: createUntilDone({ ...repeating, logger: own }),
      };
      return new ShardSweep(shard, from, dependencies);
    },
  });
  return sweeps;
}

/** The holder of a partition of the watermarks sweeps the shards whose watermarks lie there. */
function watermarks(context: PipelineContext, sweeps: Sweeps): AnySubscription {
  const { clock, logger, progressPartitions, topicNamed } = context;
  return progressSubscription<SweepProgress>({
    topic: topicNamed(topicNames.progress),
    partitions: progressPartitions,
    decode: async (bytes) => context.decodeProgress(bytes),
    refuse: ({ key, partition }, progress) => {
      const place = partitionOf(progressKey('due', progress.shard), progressPartitions);
      return refuseProgress({ key, isInPlace: place === partition, progress }, clock.nowMs());
    },
    ...{ sweeps, logger, onFatal: context.fail },
  });
}

function changes(
  context: PipelineContext,
  guard: DatabaseGuard,
  output: LoopLimitedOutput,
): AnySubscription {
  const { config, clock, database, name, reach, setAside } = context;
  const slackMs = config.CHANGE_SLACK_MS;
  const path = new ChangePath({ database, output, setAside, guard, reach, clock, slackMs });
  return changeSubscription({
    topic: context.topicNamed(topicNames.artifactChanges),
    decode: context.decodeChange,
    read: readChange,
    handle: (records, signal) => path.handle(records, signal),
    failures: failurePolicy(config.AFTERBUILD_NAMESPACE, name, ['postgres', 'brake']),
  });
}
