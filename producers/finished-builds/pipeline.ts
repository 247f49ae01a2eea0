/** Connects change path, stale sweeps and consumer, and starts and stops them in order. */
import type { z } from 'zod';
import { DatabaseGuard } from '../../lib/brake/database-guard';
import type { WatchStream } from '../../lib/connect/watch-stream';
import type { OpenControl } from '../../lib/control/open-control';
import { failurePolicy } from '../../lib/failures/classify';
import type { Consumer } from '../../lib/runtime/consumer';
import { endWhenGrown } from '../../lib/runtime/state-topic-grew-error';
import { createStateReader, type Unreadable } from '../../lib/runtime/state-reader';
import type { AnySubscription, Subscription } from '../../lib/runtime/subscription';
import type { Clock } from '../../lib/process/clock';
import type { finishedBuildsSchema } from '../../lib/process/config';
import type { Logger } from '../../lib/process/logger';
import type { ReachStep } from '../../lib/process/steps';
import type { SetAside } from '../../lib/metrics/set-aside';
import type { Troubles } from '../../lib/process/troubles';
import { createUntilDone } from '../../lib/service/until-done';
import type { StaleProgress } from '../../schemas/generated';
import { ArchiverBacklog } from './archiver-backlog';
import { refuseProgress } from './believable';
import { staleWork } from './found-builds';
import type { ReadChange } from './change';
import { readChange } from './change-event';
import { ChangePath } from './change-path';
import type { BuildDatabase, CursorTopic, FinishedTopic } from './ports';
import { RecentBuilds } from './recent-builds';
import { StaleSweep } from './stale-sweep';
import { StaleSweeps } from './stale-sweeps';

/** About 10 MB; at 100 builds a second the repeats of a quarter of an hour. */
const recentBuildsMax = 100_000;

export type Config = z.output<typeof finishedBuildsSchema>;

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
  readonly database: BuildDatabase;
  readonly finished: FinishedTopic;
  readonly createCursors: (onWritten: (progress: StaleProgress) => void) => CursorTopic;
  /** One slice for each partition of the cursors' topic. */
  readonly slices: number;
  readonly createConsumer: (subscriptions: readonly AnySubscription[]) => Consumer;
  readonly decodeChange: Decode<unknown>;
  readonly decodeCursor: Decode<StaleProgress>;
  readonly control: OpenControl;
  readonly watchStream: WatchStream;
  /** Full names, namespace included. */
  readonly topics: {
    readonly changes: string;
    readonly cursors: string;
  };
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
  const recent = new RecentBuilds(recentBuildsMax);
  const backlog = createBacklog(around);
  const sweeps = createSweeps(around, guard, recent, backlog);
  const consumer = around.createConsumer([
    cursorSubscription(around, sweeps),
    control.helm.subscription({
      onDecision: (decision) => guard.decide(decision),
      // Every member knows the decisions of operators before it reads its first page.
      onCaughtUp: () => {
        guard.decisionsRead();
        sweeps.start();
      },
    }),
    changeSubscription(around, guard, recent),
  ]);
  const watching = new AbortController();
  let watched: Promise<void> = Promise.resolve();
  return {
    start: async () => {
      control.follow(consumer, () => staleWork(sweeps.found, backlog.isFull));
      await consumer.start();
      watched = watch(around, sweeps, watching.signal);
    },
    stop: async (deadlineMs) => {
      watching.abort(new Error('The process is stopping.'));
      const { clean } = await consumer.stop(deadlineMs);
      await sweeps.stop();
      await watched;
      await control.end();
      return clean;
    },
  };
}

function createBacklog(around: PipelineContext): ArchiverBacklog {
  const { config, logger, clock, control, finished: topic, random, troubles } = around;
  const untilDone = createUntilDone({ clock, logger, random, troubles });
  const inFlightMax = (): number => control.helm.effective.loopLimit ?? config.STALE_IN_FLIGHT_MAX;
  return new ArchiverBacklog({ topic, untilDone, troubles, clock, logger, inFlightMax });
}

function createSweeps(
  around: PipelineContext,
  guard: DatabaseGuard,
  recent: RecentBuilds,
  backlog: ArchiverBacklog,
): StaleSweeps {
  const { config, logger, clock, database, finished: topic, reach, onFatal } = around;
  const { random, setAside, troubles } = around;
  const untilDone = createUntilDone({ clock, logger, random, troubles });
  const { helm } = around.control;
  const archiver: Pick<ArchiverBacklog, 'ends' | 'room' | 'caughtUp'> = {
    ends: (signal) => backlog.ends(signal),
    caughtUp: (ends, signal) => backlog.caughtUp(ends, signal),
    room: async (signal) => {
      await helm.whilePaused(signal);
      await backlog.room(signal);
    },
  };
  const cursors = around.createCursors((written) => sweeps.learn(written.slice, written));
  const settings = {
    slices: around.slices,
    pageBuilds: config.STALE_PAGE_BUILDS,
    pauseMs: config.STALE_PAUSE_MS,
    everyMs: config.STALE_EVERY_MS,
    ageMs: config.STALE_AGE_MS,
  };
  const parts = {
    ...{ database, topic, cursors, archiver, guard, recent },
    ...{ reach, clock, setAside, settings, untilDone },
  };
  const sweeps: StaleSweeps = new StaleSweeps({
    ...{ guard, clock, logger, onFatal },
    createSweep: (slice, from) => new StaleSweep(slice, from, { ...parts, logger }),
  });
  return sweeps;
}

function watch(around: PipelineContext, sweeps: StaleSweeps, signal: AbortSignal): Promise<void> {
  const { clock, logger, onFatal, troubles } = around;
  const requestRepair = (reason: string) => sweeps.requestRepair(reason);
  return around.watchStream({ requestRepair, troubles, clock, logger, onFatal }, signal);
}

/** The holder of a partition of the cursors sweeps the slice of its number. */
function cursorSubscription(around: PipelineContext, sweeps: StaleSweeps): AnySubscription {
  const { clock, logger } = around;
  const reader = createStateReader<StaleProgress>({
    decode: async (bytes) => around.decodeCursor(bytes),
    refuse: (place, progress) => refuseProgress(place, progress, clock.nowMs()),
    logger,
  });
  const subscription: Subscription<StaleProgress | Unreadable | null> = {
    topic: around.topics.cursors,
    start: 'beginning',
    maxRecords: 500,
    // In the log's order: of two cursors the later one counts.
    lanes: 1,
    decode: (bytes) => reader.decode(bytes),
    handle: (records) => {
      for (const record of records) sweeps.learn(record.partition, reader.believe(record));
      return Promise.resolve(records.map(() => ({ kind: 'done' })));
    },
    onAssigned: endWhenGrown(around.topics.cursors, around.slices, around.onFatal),
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
  recent: RecentBuilds,
): AnySubscription {
  const { clock, database, finished: topic, logger, reach, setAside } = around;
  const path = new ChangePath({ database, topic, recent, setAside, guard, reach, clock, logger });
  const subscription: Subscription<ReadChange | null> = {
    topic: around.topics.changes,
    start: 'committed',
    maxRecords: 1_000,
    decode: async (bytes) => {
      const event = await around.decodeChange(bytes);
      return event === null ? null : readChange(event);
    },
    handle: (records, signal) => path.handle(records, signal),
    failures: failurePolicy(around.config.AFTERBUILD_NAMESPACE, 'finished-builds', [
      'postgres',
      'brake',
    ]),
  };
  return subscription;
}
