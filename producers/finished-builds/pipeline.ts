/** Connects change path, stale sweeps and the archiver's backlog. */
import type { z } from 'zod';
import { DatabaseGuard } from '../../lib/brake/database-guard';
import type { WatchStream } from '../../lib/connect/watch-stream';
import { failurePolicy } from '../../lib/failures/classify';
import { topicNames } from '../../lib/kafka/topics/topics';
import type { finishedBuildsSchema } from '../../lib/process/config';
import type { AnySubscription } from '../../lib/runtime/subscription';
import { expectedDatabase } from '../../lib/service/open-database';
import type { GroupContext, GroupWork } from '../../lib/service/run-group';
import { createUntilDone } from '../../lib/service/until-done';
import { changeSubscription } from '../../lib/source/change-subscription';
import { progressSubscription } from '../../lib/source/progress-subscription';
import { workOfSource } from '../../lib/source/source-work';
import type { StaleProgress } from '../../schemas/generated';
import { ArchiverBacklog } from './archiver-backlog';
import { refuseProgress } from './believable';
import { readChange } from './change-event';
import { ChangePath } from './change-path';
import { staleWork } from './found-builds';
import type { BuildDatabase, CursorTopic, FinishedTopic } from './ports';
import { RecentBuilds } from './recent-builds';
import { StaleSweep } from './stale-sweep';
import { StaleSweeps } from './stale-sweeps';

/** About 10 MB; at 100 builds a second the repeats of a quarter of an hour. */
const recentBuildsMax = 100_000;

export type Config = z.output<typeof finishedBuildsSchema>;

/** Everything outside this process, connected. */
interface PipelineContext extends GroupContext<Config> {
  readonly database: BuildDatabase;
  readonly finished: FinishedTopic;
  readonly createCursors: (onWritten: (progress: StaleProgress) => void) => CursorTopic;
  /** One slice for each partition of the cursors' topic. */
  readonly slices: number;
  readonly decodeChange: (bytes: Buffer | null) => unknown;
  readonly decodeCursor: (bytes: Buffer) => StaleProgress | Promise<StaleProgress>;
  readonly watchStream: WatchStream;
}

export function createPipeline(context: PipelineContext): GroupWork {
  const { config, logger, clock, watchStream } = context;
  const guard = new DatabaseGuard(expectedDatabase(config), clock, logger);
  const recent = new RecentBuilds(recentBuildsMax);
  const backlog = createBacklog(context);
  const sweeps = createSweeps(context, guard, recent, backlog);
  return workOfSource({
    ...{ context, guard, sweeps, watchStream },
    sourceWork: () => staleWork(sweeps.found, backlog.isFull),
    progress: cursors(context, sweeps),
    changes: changes(context, guard, recent),
  });
}

function createBacklog(context: PipelineContext): ArchiverBacklog {
  const { config, logger, clock, control, finished: topic, random, troubles } = context;
  const untilDone = createUntilDone({ clock, logger, random, troubles });
  const inFlightMax = (): number => control.effective.loopLimit ?? config.STALE_IN_FLIGHT_MAX;
  return new ArchiverBacklog({ topic, untilDone, troubles, clock, logger, inFlightMax });
}

function createSweeps(
  context: PipelineContext,
  guard: DatabaseGuard,
  recent: RecentBuilds,
  backlog: ArchiverBacklog,
): StaleSweeps {
  const { config, control, logger, clock, database, finished: topic, reach } = context;
  const { random, setAside, troubles } = context;
  const untilDone = createUntilDone({ clock, logger, random, troubles });
  const archiver: Pick<ArchiverBacklog, 'ends' | 'room' | 'caughtUp'> = {
    ends: (signal) => backlog.ends(signal),
    caughtUp: (ends, signal) => backlog.caughtUp(ends, signal),
    room: async (signal) => {
      await control.untilNotPaused(signal);
      await backlog.room(signal);
    },
  };
  const cursors = context.createCursors((written) => sweeps.noteProgress(written.slice, written));
  const settings = {
    slices: context.slices,
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
    ...{ guard, clock, logger, onFatal: context.fail },
    createSweep: (slice, from) => new StaleSweep(slice, from, { ...parts, logger }),
  });
  return sweeps;
}

/** The holder of a partition of the cursors sweeps the slice of its number. */
function cursors(context: PipelineContext, sweeps: StaleSweeps): AnySubscription {
  const { clock, logger, slices, topicNamed } = context;
  return progressSubscription<StaleProgress>({
    topic: topicNamed(topicNames.staleProgress),
    partitions: slices,
    decode: async (bytes) => context.decodeCursor(bytes),
    refuse: (place, progress) => refuseProgress(place, progress, clock.nowMs()),
    ...{ sweeps, logger, onFatal: context.fail },
  });
}

function changes(
  context: PipelineContext,
  guard: DatabaseGuard,
  recent: RecentBuilds,
): AnySubscription {
  const { config, clock, database, finished: topic, logger, name, reach, setAside } = context;
  const path = new ChangePath({ database, topic, recent, setAside, guard, reach, clock, logger });
  return changeSubscription({
    topic: context.topicNamed(topicNames.buildChanges),
    decode: context.decodeChange,
    read: readChange,
    handle: (records, signal) => path.handle(records, signal),
    failures: failurePolicy(config.AFTERBUILD_NAMESPACE, name, ['postgres', 'brake']),
  });
}
