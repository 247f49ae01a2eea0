/**
 * The changes that GitLab makes to a seeded world while the pipeline runs, in the bounded form of `--once`.
 *
 * None of them changes the totals: artifacts that it locks or extends have not expired yet, and those that it deletes
 * itself are not among the N.
 */
import { deleteArtifacts, eraseBuild, lockArtifacts, setExpiry, unlockPipeline } from './changes';
import type { Seeded } from './seed';
import type { SmallGitlab } from './small-gitlab';
import { liveWithTraces, type TraceLifeReport } from './traces/trace-life';
import { World } from './world';

interface LifeReport {
  /** Artifacts that became deletable by an unlock, and by an expiry moved into the past. */
  readonly unlocked: number;
  readonly movedToPast: number;
  readonly locked: number;
  readonly extended: number;
  /** By GitLab itself, the erased job's and a trace's row without its object included. */
  readonly deletedByGitlab: number;
  readonly traces: TraceLifeReport;
}

const dayMs = 86_400_000;
const noTraces: TraceLifeReport = { finished: 0, archivedByGitlab: 0, rowsDeleted: 0, erased: 0 };

/**
 * Does all of the seeded work once, a batch of each kind in turn, so that kinds mix.
 * @param signal stops it between two steps; work that is left undone then breaks the exact totals.
 */
export async function liveOnce(
  gitlab: SmallGitlab,
  { work }: Pick<Seeded, 'work'>,
  signal?: AbortSignal,
): Promise<LifeReport> {
  const done = { unlocked: 0, movedToPast: 0, locked: 0, extended: 0, deletedByGitlab: 0 };
  const steps: (() => Promise<void>)[] = [
    ...slices(work.toLock).map((part) => async () => {
      done.locked += await lockArtifacts(gitlab, part);
    }),
    ...slices(work.toExtend).map((part, index) => async () => {
      // Every other time the user presses "keep".
      done.extended += await setExpiry(gitlab, part, index % 2 === 0 ? 90 * dayMs : null);
    }),
    ...slices(work.toDelete).map((part) => async () => {
      done.deletedByGitlab += await deleteArtifacts(gitlab, part);
    }),
    ...work.pipelinesToUnlock.map((pipeline) => async () => {
      done.unlocked += await unlockPipeline(gitlab, pipeline);
    }),
    ...slices(work.toMoveToPast).map((part) => async () => {
      done.movedToPast += await setExpiry(gitlab, part, -dayMs);
    }),
  ];
  for (const step of steps) {
    if (signal?.aborted === true) return { ...done, traces: noTraces };
    await step();
  }
  done.deletedByGitlab += await liveThroughAnErase(gitlab);
  const traces = await liveWithTraces(gitlab, work.traces, signal);
  return { ...done, deletedByGitlab: done.deletedByGitlab + traces.rowsDeleted, traces };
}

function slices<T>(items: readonly T[]): (readonly T[])[] {
  const parts: (readonly T[])[] = [];
  for (let start = 0; start < items.length; start += 100) {
    parts.push(items.slice(start, start + 100));
  }
  return parts;
}

/** A job beside the N, with artifacts and an archived trace, that a user erases. */
async function liveThroughAnErase(gitlab: SmallGitlab): Promise<number> {
  const world = new World(gitlab, 2);
  const build = await world.aBuild({ partitionId: 101 });
  await world.anArtifact({ build, expireInMs: dayMs, fileType: 1, counted: false });
  await world.anArtifact({ build, expireInMs: null, fileType: 4, counted: false });
  await world.aTrace(build);
  await eraseBuild(gitlab, build);
  return 3;
}
