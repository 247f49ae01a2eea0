/** Connects sweeps, change path, watchdog and consumer, and starts and stops them in order. */
import type { z } from 'zod';
import type { WatchStream } from '../../lib/connect/watch-stream';
import type { ControlClient } from '../../lib/control/control-client';
import type { OpenControl } from '../../lib/control/open-control';
import { failurePolicy } from '../../lib/failures/classify';
import type { Consumer } from '../../lib/runtime/consumer';
import { endWhenGrown } from '../../lib/runtime/state-topic-grew-error';
import { partitionOf } from '../../lib/kafka/producer';
import { createStateReader, type Unreadable } from '../../lib/runtime/state-reader';
import type { AnySubscription, Subscription } from '../../lib/runtime/subscription';
import type { Clock } from '../../lib/process/clock';
import type { expiredArtifactsSchema } from '../../lib/process/config';
import type { Logger } from '../../lib/process/logger';
import type { ReachStep } from '../../lib/process/steps';
import type { SetAside } from '../../lib/metrics/set-aside';
import type { Troubles } from '../../lib/process/troubles';
import type { SweepProgress } from '../../schemas/generated';
import { refuseProgress } from './believable';
import type { ReadChange } from './change';
import { readChange } from './change-event';
import { ChangePath } from './change-path';
import { DatabaseGuard } from '../../lib/brake/database-guard';
import { DueWork } from './due-work';
import { LoopLimit } from './loop-limit';
import { LoopLimitedOutput, type PacedOutput } from './paced-output';
import type { ArtifactDatabase, ExpiredTopic, ProgressTopic } from './ports';
import { progressKey } from './progress';
import { recordLimits } from './records';
import { ShardSweep, type SweepDependencies } from './shard-sweep';
import { Sweeps } from './sweeps';
import { createUntilDone } from '../../lib/service/until-done';

export type Config = z.output<typeof expiredArtifactsSchema>;

type Decode<V> = (bytes: Buffer | null) => V | Promise<V>;

/** Everything outside this process, connected. */
export interface PipelineContext {
  readonly config: Config;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly random: () => number;
  readonly troubles: Troubles;
  readonly setAside: SetAside;
  readonly reach: ReachStep;
  readonly database: ArtifactDatabase;
  readonly expired: ExpiredTopic;
  /** Of the topic of watermarks; each shard belongs to one of them for ever. */
  readonly progressPartitions: number;
  readonly createProgress: (
    onWritten: (partition: number, progress: SweepProgress) => void,
  ) => ProgressTopic;
  readonly createConsumer: (subscriptions: readonly AnySubscription[]) => Consumer;
  readonly decodeChange: Decode<unknown>;
  readonly decodeProgress: Decode<SweepProgress>;
  readonly control: OpenControl;
  readonly watchStream: WatchStream;
  /** Full names, namespace included. */
  readonly topics: {
    readonly changes: string;
    readonly progress: string;
  };
  readonly isFinal: (error: unknown) => boolean;
  readonly onFatal: (error: Error) => void;
}

interface Pipeline {
  start(): Promise<void>;
  /** @returns whether all begun work has ended in time. */
  stop(deadlineMs: number): Promise<boolean>;
}

export function createPipeline(around: PipelineContext): Pipeline {
  const { config, logger, clock, control } = around;
  const guard = new DatabaseGuard(
    {
      systemIdentifier: config.POSTGRES_SYSTEM_IDENTIFIER,
      databaseName: config.POSTGRES_DATABASE,
    },
    clock,
    logger,
  );
  const limit = new LoopLimit(
    () => control.helm.effective.loopLimit ?? config.LOOP_LIMIT_ARTIFACTS,
    around.expired.partitions,
    recordLimits.artifacts,
  );
  const output = new LoopLimitedOutput(around.expired, limit, clock, logger, around.troubles);
  const sweeps = createSweeps(around, guard, pausable(output, control.helm));
  const due = new DueWork({ database: around.database, sweeps, output, limit, clock, logger });
  const consumer = around.createConsumer([
    progressSubscription(around, sweeps),
    control.helm.subscription({
      onDecision: (decision) => guard.decide(decision),
      // Every member knows the decisions of operators before it reads its first page.
      onCaughtUp: () => {
        guard.decisionsRead();
        sweeps.start();
      },
    }),
    changeSubscription(around, guard, output),
  ]);
  const watching = new AbortController();
  let watched: Promise<unknown> = Promise.resolve();
  return {
    start: async () => {
      control.follow(consumer, () => due.read());
      await consumer.start();
      due.start();
      watched = watch(around, sweeps, watching.signal);
    },
    stop: async (deadlineMs) => {
      watching.abort(new Error('The process is stopping.'));
      const { clean } = await consumer.stop(deadlineMs);
      await Promise.all([sweeps.stop(), due.stop()]);
      await watched;
      await control.end();
      return clean;
    },
  };
}

/** A paused sweep keeps the page that it has read; the DELETE decides again which rows may go. */
const pausable = (output: PacedOutput, helm: ControlClient): PacedOutput => ({
  produce: async (records, signal, onAnswer) => {
    await helm.whilePaused(signal);
    await output.produce(records, signal, onAnswer);
  },
});

function createSweeps(around: PipelineContext, guard: DatabaseGuard, output: PacedOutput): Sweeps {
  const { config, logger, clock, database, reach, random, troubles, isFinal, onFatal } = around;
  const repeating = { clock, random, troubles, isFinal };
  const untilDone = createUntilDone({ ...repeating, logger });
  const progress = around.createProgress((partition, written) => sweeps.learn(partition, written));
  const shared: Omit<SweepDependencies, 'logger' | 'untilDone'> = {
    ...{ database, output, progress, guard, reach, clock, setAside: around.setAside },
    settings: {
      pageRows: config.SWEEP_PAGE_ROWS,
      idleMs: config.SWEEP_IDLE_MS,
      fullEveryMs: config.SWEEP_FULL_EVERY_MS,
    },
  };
  const sweeps: Sweeps = new Sweeps({
    ...{ database, progress, guard, untilDone, troubles, clock, logger, onFatal },
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
function progressSubscription(around: PipelineContext, sweeps: Sweeps): AnySubscription {
  const { clock, logger, progressPartitions } = around;
  const reader = createStateReader<SweepProgress>({
    decode: async (bytes) => around.decodeProgress(bytes),
    refuse: ({ key, partition }, progress) => {
      const place = partitionOf(progressKey('due', progress.shard), progressPartitions);
      return refuseProgress({ key, isInPlace: place === partition, progress }, clock.nowMs());
    },
    logger,
  });
  const subscription: Subscription<SweepProgress | Unreadable | null> = {
    topic: around.topics.progress,
    start: 'beginning',
    maxRecords: 500,
    // In the log's order: of two watermarks the later one counts.
    lanes: 1,
    decode: (bytes) => reader.decode(bytes),
    handle: (records) => {
      for (const record of records) sweeps.learn(record.partition, reader.believe(record));
      return Promise.resolve(records.map(() => ({ kind: 'done' })));
    },
    onAssigned: endWhenGrown(around.topics.progress, around.progressPartitions, around.onFatal),
    onCaughtUp: (partition) => sweeps.hold(partition),
    onDraining: (partition) => sweeps.pause(partition),
    onKept: (partition) => sweeps.hold(partition),
    onLost: (partition) => sweeps.lose(partition),
  };
  return subscription;
}

function changeSubscription(
  around: PipelineContext,
  guard: DatabaseGuard,
  output: LoopLimitedOutput,
): AnySubscription {
  const { config, clock, database, reach, setAside } = around;
  const slackMs = config.CHANGE_SLACK_MS;
  const path = new ChangePath({ database, output, setAside, guard, reach, clock, slackMs });
  const subscription: Subscription<ReadChange | null> = {
    topic: around.topics.changes,
    start: 'committed',
    maxRecords: 1_000,
    decode: async (bytes) => {
      const event = await around.decodeChange(bytes);
      return event === null ? null : readChange(event);
    },
    handle: (records, signal) => path.handle(records, signal),
    failures: failurePolicy(around.config.AFTERBUILD_NAMESPACE, 'expired-artifacts', [
      'postgres',
      'brake',
    ]),
  };
  return subscription;
}

function watch(around: PipelineContext, sweeps: Sweeps, signal: AbortSignal): Promise<void> {
  const { clock, logger, onFatal, troubles } = around;
  const requestRepair = (reason: string) => sweeps.requestRepair(reason);
  return around.watchStream({ requestRepair, troubles, clock, logger, onFatal }, signal);
}
