/**
 * The changes to seeded traces while the pipeline runs: builds write on and finish, runners report, chunks are flushed,
 * late bytes arrive, GitLab's own archiver archives some, users erase others.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { chunkStore } from '../../../lib/gitlab/trace-chunks';
import { eraseBuild } from '../changes';
import { archiveAsGitlab, type GitlabArchived } from './gitlab-archiver';
import { appendTrace, flushChunk, liveBytes, type TraceBuild } from './live-trace';
import { createRandom, type Random } from '../random';
import type { TraceWork } from './seed-traces';
import { databaseNowMs, type SmallGitlab } from '../small-gitlab';
import { LeaseTakenError } from './trace-lease';
import { chunkRows } from './trace-stores';
import { finishBuilds, reportStates, type FinalStatus } from './traces';

export interface TraceLifeReport {
  readonly finished: number;
  readonly archivedByGitlab: number;
  /** By GitLab, because their upload had failed. */
  readonly rowsDeleted: number;
  readonly erased: number;
}

const statuses: readonly FinalStatus[] = ['success', 'failed', 'canceled'];

/** All of the work once; a signal ends it between two builds. */
export async function liveWithTraces(
  gitlab: SmallGitlab,
  work: TraceWork,
  signal?: AbortSignal,
): Promise<TraceLifeReport> {
  const random = createRandom(3);
  const done = { finished: 0, archivedByGitlab: 0, rowsDeleted: 0, erased: 0 };
  const steps: (() => Promise<void>)[] = [
    ...work.toFinish.map((build) => async () => {
      await endBuild(gitlab, build, random);
      done.finished += 1;
    }),
    ...work.toArchive.map((build, index) => async () => {
      await finishBuild(gitlab, build);
      const uploadFails = index % 2 === 1;
      const first = await archiveOnce(gitlab, build, uploadFails);
      const last = first === 'failed' ? await archiveOnce(gitlab, build, false) : first;
      if (last === 'archived') done.archivedByGitlab += 1;
      if (last === 'archived' && first === 'failed') done.rowsDeleted += 1;
    }),
    ...work.toErase.map((build) => async () => {
      await eraseBuild(gitlab, build);
      done.erased += 1;
    }),
  ];
  for (const step of random.shuffle(steps)) {
    if (signal?.aborted === true) break;
    await step();
  }
  return done;
}

const leasePauseMs = 200;
const leaseTries = 100;

/** GitLab's cron would come back after hours; here it does so as soon as the pipeline releases the lease. */
async function archiveOnce(
  gitlab: SmallGitlab,
  build: TraceBuild,
  uploadFails: boolean,
): Promise<GitlabArchived> {
  for (let left = leaseTries; ; left -= 1) {
    const result = await archiveAsGitlab(gitlab, build, { uploadFails });
    if (result !== 'lease taken' || left === 0) return result;
    await sleep(leasePauseMs);
  }
}

/**
 * The end of one build. Every other runner is a modern one: it reports its checksum, and GitLab flushes live chunks
 * before the build may finish. The others finish at once, and some send bytes late.
 */
async function endBuild(gitlab: SmallGitlab, build: TraceBuild, random: Random): Promise<void> {
  await appendTrace(gitlab, build, random.whole(1, 4_000));
  const reports = random.whole(1, 2) === 1;
  if (reports) {
    const sizeBytes = await liveBytes(gitlab, build.id);
    await reportStates(gitlab.pool, [{ build, sizeBytes }]);
    await flushLive(gitlab, build, random);
  }
  await finishBuild(gitlab, build, random.oneOf(statuses));
  if (!reports && random.whole(1, 3) === 1) await appendTrace(gitlab, build, random.whole(1, 900));
}

/** Now, by the database's clock: an UPDATE that CDC sees. */
export async function finishBuild(
  gitlab: SmallGitlab,
  build: TraceBuild,
  status: FinalStatus = 'success',
): Promise<void> {
  const nowMs = await databaseNowMs(gitlab.pool);
  const finished = { statusOf: () => status, finishedAtMsOf: () => nowMs };
  gitlab.ledger.append(await finishBuilds(gitlab.pool, [build], finished));
}

async function flushLive(gitlab: SmallGitlab, build: TraceBuild, random: Random): Promise<void> {
  const to = random.oneOf([chunkStore.database, chunkStore.fog]);
  for (const { index } of await chunkRows(gitlab, build.id)) {
    await flushChunk(gitlab, build, index, { to }).catch((error: unknown) => {
      if (!(error instanceof LeaseTakenError)) throw error;
    });
  }
}
