/**
 * The endless life of `npm start`: a few new artifacts a second that expire within the minute, users
 * and GitLab who lock, unlock, extend and delete some of them just as they expire, and builds that end
 * with a trace in any of the stores.
 */
import type { Clock } from '../../lib/process/clock';
import {
  deleteArtifacts,
  eraseBuild,
  lockArtifacts,
  setExpiry,
  unlockArtifacts,
  unlockPipeline,
} from './changes';
import { appendTrace } from './live-trace';
import { createRandom, type Random } from './random';
import type { RowPlace } from './seed';
import type { SmallGitlab } from './small-gitlab';
import { TraceWorld } from './trace-world';
import { World, type APipeline } from './world';

export interface TrickleOptions {
  readonly randomSeed: number;
  readonly clock: Clock;
  /** Ends it between two jobs; the promise then resolves. */
  readonly signal: AbortSignal;
  /** Pause between two jobs of one to four artifacts. */
  readonly everyMs: number;
}

interface Recent extends RowPlace {
  readonly expiresAtMs: number;
}

/** Remembered for the races; older ones are forgotten. */
const remembered = 200;
const kinds = ['hashed', 'hashed', 'legacy', 'final'] as const;
const partitionIds = [100, 101, 102];

/** @throws the stores' errors: whoever runs it decides whether to begin again. */
export async function trickle(gitlab: SmallGitlab, options: TrickleOptions): Promise<void> {
  const random = createRandom(options.randomSeed);
  const world = new World(gitlab, options.randomSeed);
  const traces = new TraceWorld(world, options.randomSeed);
  const recent: Recent[] = [];
  const locked: APipeline[] = [];
  while (!options.signal.aborted) {
    const pipeline = await newJob(world, random, options.clock, recent);
    if (pipeline.locked) locked.push(pipeline);
    await newTrace(gitlab, traces, random);
    await race(gitlab, random, options.clock, recent);
    const oldest = locked[0];
    if (oldest !== undefined && random.whole(1, 4) === 1) {
      await unlockPipeline(gitlab, oldest);
      locked.shift();
    }
    if (recent.length > remembered) recent.splice(0, recent.length - remembered);
    await options.clock.sleep(options.everyMs, options.signal).catch(rethrowUnlessStopped(options));
  }
}

function rethrowUnlessStopped({ signal }: TrickleOptions): (error: unknown) => void {
  return (error) => {
    if (!signal.aborted) throw error;
  };
}

async function newJob(
  world: World,
  random: Random,
  clock: Clock,
  recent: Recent[],
): Promise<APipeline> {
  const partitionId = random.oneOf(partitionIds);
  const pipeline = await world.aPipeline({ partitionId, locked: random.whole(1, 4) === 1 });
  const build = await world.aBuild({ pipeline });
  const types = random.shuffle([1, 2, 4, 9, 17, 101]).slice(0, random.whole(1, 4));
  for (const fileType of types) {
    const expireInMs = random.whole(1, 10) === 1 ? null : random.whole(2_000, 60_000);
    const keyKind = random.oneOf(kinds);
    const { id } = await world.anArtifact({ build, fileType, expireInMs, keyKind });
    if (expireInMs !== null) {
      recent.push({ id, partitionId, expiresAtMs: clock.nowMs() + expireInMs });
    }
  }
  return pipeline;
}

const stores = ['redis', 'redis', 'shared-redis', 'database', 'fog', 'mixed'] as const;

/** Some are longer than a chunk, some get bytes after their end, and some are erased at once. */
async function newTrace(gitlab: SmallGitlab, traces: TraceWorld, random: Random): Promise<void> {
  const isLong = random.whole(1, 10) === 1;
  const pendingState = random.oneOf(['none', 'right'] as const);
  const build = await traces.aFinishedTrace({
    sizeBytes: random.whole(0, isLong ? 500_000 : 16_384),
    stores: random.oneOf(stores),
    pendingState,
    status: random.oneOf(['success', 'failed', 'canceled']),
    partitionId: random.oneOf(partitionIds),
    finishedAgoMs: 0,
    counted: false,
  });
  const dice = random.whole(1, 10);
  // A runner that has told its sum sends nothing more.
  if (dice <= 2 && pendingState === 'none') {
    await appendTrace(gitlab, build, random.whole(1, 5_000));
  }
  if (dice === 3) await eraseBuild(gitlab, build);
}

/** Takes one that is about to expire, or has just done so, and changes its mind about it. */
async function race(
  gitlab: SmallGitlab,
  random: Random,
  clock: Clock,
  recent: Recent[],
): Promise<void> {
  const nowMs = clock.nowMs();
  const place = recent.findIndex(({ expiresAtMs }) => Math.abs(expiresAtMs - nowMs) < 1_500);
  const chosen = place < 0 ? undefined : recent.splice(place, 1)[0];
  if (!chosen) return;
  switch (random.whole(1, 5)) {
    case 1:
      await lockArtifacts(gitlab, [chosen]);
      return;
    case 2:
      await lockArtifacts(gitlab, [chosen]);
      await unlockArtifacts(gitlab, [chosen]);
      return;
    case 3:
      await setExpiry(gitlab, [chosen], 3_600_000);
      return;
    case 4:
      await deleteArtifacts(gitlab, [chosen]);
      return;
    default:
      await setExpiry(gitlab, [chosen], -1_000);
  }
}
