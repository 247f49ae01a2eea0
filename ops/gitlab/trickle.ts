/**
 * The endless work of `npm start`: a few new artifacts a second that expire within the minute, users and GitLab who
 * lock, unlock, extend and delete some of them just as they expire, and builds that end with a trace in any of the
 * stores.
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
import { appendTrace } from './traces/live-trace';
import { Undated, writeOddEnd, writeOddValue } from './odd-values';
import { createRandom, type Random } from './random';
import type { RowPlace } from './seed';
import type { SmallGitlab } from './small-gitlab';
import { TraceWorld } from './traces/trace-world';
import { World, type APipeline } from './world';

interface TrickleOptions {
  readonly randomSeed: number;
  readonly clock: Clock;
  /** Ends it between two jobs; the promise then resolves. */
  readonly signal: AbortSignal;
  /** Pause between two jobs of one to four artifacts. */
  readonly everyMs: number;
  /** Some rows hold values that GitLab does not write (odd-values.ts); all are corrected at the end. */
  readonly isOdd?: boolean;
}

interface Recent extends RowPlace {
  readonly expiresAtMs: number;
}

/** Remembered for the races; older ones are forgotten. */
const remembered = 200;
const kinds = ['hashed', 'hashed', 'legacy', 'final'] as const;
const partitionIds = [100, 101, 102];

/** @throws errors of the stores: the caller decides whether to begin again. */
export async function trickle(gitlab: SmallGitlab, options: TrickleOptions): Promise<void> {
  const random = createRandom(options.randomSeed);
  const world = new World(gitlab, options.randomSeed);
  const traces = new TraceWorld(world, options.randomSeed);
  const recent: Recent[] = [];
  const locked: APipeline[] = [];
  const undated = new Undated(gitlab);
  while (!options.signal.aborted) {
    const pipeline = await newJob(world, random, options.clock, recent);
    if (pipeline.locked) locked.push(pipeline);
    const build = await newTrace(gitlab, traces, random);
    if (options.isOdd === true) await beOdd(gitlab, random, { recent, undated, build });
    await race(gitlab, random, options.clock, recent);
    const oldest = locked[0];
    if (oldest !== undefined && random.whole(1, 4) === 1) {
      await unlockPipeline(gitlab, oldest);
      locked.shift();
    }
    if (recent.length > remembered) recent.splice(0, recent.length - remembered);
    await options.clock.sleep(options.everyMs, options.signal).catch(rethrowUnlessStopped(options));
  }
  await undated.mendAll();
}

interface OddPlaces {
  readonly recent: Recent[];
  readonly undated: Undated;
  readonly build: RowPlace;
}

/** An artifact that loses its day leaves the races: GitLab itself could not name its object. */
async function beOdd(
  gitlab: SmallGitlab,
  random: Random,
  { recent, undated, build }: OddPlaces,
): Promise<void> {
  const newest = recent.at(-1);
  const dice = random.whole(1, 12);
  if (dice <= 2 && newest !== undefined) await writeOddValue(gitlab, newest, random);
  if (dice === 3 && newest !== undefined) {
    recent.pop();
    await undated.add(newest);
  }
  if (dice >= 10) await undated.mendOne();
  if (dice === 4) await writeOddEnd(gitlab, build, random);
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
async function newTrace(
  gitlab: SmallGitlab,
  traces: TraceWorld,
  random: Random,
): Promise<RowPlace> {
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
  // A runner that has reported its checksum sends nothing more.
  if (dice <= 2 && pendingState === 'none') {
    await appendTrace(gitlab, build, random.whole(1, 5_000));
  }
  if (dice === 3) await eraseBuild(gitlab, build);
  return build;
}

/** Takes one that is about to expire, or has just expired, and changes its expiry or its lock. */
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
