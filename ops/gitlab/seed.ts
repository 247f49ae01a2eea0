/** Seeds a small GitLab: the same rows and objects for the same seed, even with other programs connected. */
import type { ArtifactEntry, LedgerEntry } from './ledger';
import { seedForeignObjects } from './foreign';
import { isGoing, planPipelines, shareOut, type Fate, type PipelinePlan } from './plan';
import { createRandom, type Random } from './random';
import { insertBuilds, insertPipelines, insertProjects, type Queryable } from './rows';
import {
  databaseNowMs,
  inTransaction,
  storeObjects,
  storeRows,
  type NewArtifact,
  type SmallGitlab,
} from './small-gitlab';
import {
  countedTraces,
  emptyTraceWork,
  seedTraceBuilds,
  type TraceWork,
} from './traces/seed-traces';

interface SeedOptions {
  /** Builds with a trace; the jobs that hold the artifacts come on top. */
  readonly builds: number;
  /** Artifacts in all that are neither traces nor GitLab's own to delete. */
  readonly artifacts: number;
  readonly randomSeed: number;
  /** Called after each transaction with artifacts stored so far and wanted. */
  readonly onProgress?: (stored: number, wanted: number) => void;
}

/** A row that GitLab will change later; ids with their partition. */
export interface RowPlace {
  readonly id: number;
  readonly partitionId: number;
}

/** What GitLab will do while the pipeline runs (life.ts). */
interface LifeWork {
  readonly pipelinesToUnlock: RowPlace[];
  readonly toMoveToPast: RowPlace[];
  readonly toLock: RowPlace[];
  readonly toExtend: RowPlace[];
  /** Not of the N: GitLab deletes them itself. */
  readonly toDelete: RowPlace[];
  readonly traces: TraceWork;
}

export interface Seeded {
  /** Exactly 80 % of the artifacts, rounded down. */
  readonly willGo: number;
  readonly willStay: number;
  /** Traces that an archiver should archive: three fifths of the builds, rounded down. */
  readonly willArchive: number;
  readonly work: LifeWork;
}

/** Artifacts a transaction: large enough for the statements, small enough for memory and locks. */
const batchArtifacts = 2_000;

/**
 * Each transaction inserts its rows and stores its objects before it commits; the ledger follows.
 * @throws the store's error; an interrupted seeding leaves a ledger without its last line.
 */
export async function seed(gitlab: SmallGitlab, options: SeedOptions): Promise<Seeded> {
  const random = createRandom(options.randomSeed);
  const baseMs = await databaseNowMs(gitlab.pool);
  const projects = Math.min(200, Math.max(3, Math.ceil(options.artifacts / 1_000)));
  const projectIds = await insertProjects(gitlab.pool, projects);
  const input = { random, baseMs, projectIds };

  await seedForeignObjects(gitlab, input);
  const traces = await seedTraceBuilds(gitlab, { ...input, count: options.builds });
  const work = { ...emptyWork(), traces };
  await seedOwnDeletions(gitlab, { ...input, artifacts: ownDeletions(options.artifacts) }, work);
  await storePipelines(gitlab, planPipelines({ ...input, artifacts: options.artifacts }), {
    counted: true,
    work,
    onStored: (stored) => options.onProgress?.(stored, options.artifacts),
  });

  const shares = [...shareOut(options.artifacts)];
  const willGo = shares.reduce((sum, [fate, share]) => sum + (isGoing(fate) ? share : 0), 0);
  const willStay = options.artifacts - willGo;
  const willArchive = countedTraces(options.builds);
  const { randomSeed } = options;
  gitlab.ledger.append([{ kind: 'seeded', randomSeed, willGo, willStay, willArchive }]);
  return { willGo, willStay, willArchive, work };
}

function emptyWork(): LifeWork {
  const artifacts = { pipelinesToUnlock: [], toMoveToPast: [], toLock: [], toExtend: [] };
  return { ...artifacts, toDelete: [], traces: emptyTraceWork() };
}

/** A few rows beside the N that GitLab will delete itself. */
function ownDeletions(artifacts: number): number {
  return Math.max(5, Math.floor(artifacts / 500));
}

/** Jobs whose artifacts expire in days: GitLab deletes them before the pipeline ever may. */
async function seedOwnDeletions(
  gitlab: SmallGitlab,
  input: { artifacts: number; random: Random; baseMs: number; projectIds: readonly number[] },
  work: LifeWork,
): Promise<void> {
  const pipelines = [...planPipelines(input)].map((pipeline): PipelinePlan => {
    const jobs = pipeline.jobs.map((job) => ({
      ...job,
      artifacts: job.artifacts.map((artifact) => ({
        ...artifact,
        fate: 'never' as const,
        expireAtMs: null,
        locked: 0,
      })),
    }));
    return { ...pipeline, locked: false, unlocks: false, jobs };
  });
  await storePipelines(gitlab, pipelines, { counted: false, work, onStored: () => undefined });
}

function* batches(pipelines: Iterable<PipelinePlan>): Generator<PipelinePlan[]> {
  let batch: PipelinePlan[] = [];
  let artifacts = 0;
  for (const pipeline of pipelines) {
    batch.push(pipeline);
    for (const job of pipeline.jobs) artifacts += job.artifacts.length;
    if (artifacts >= batchArtifacts) {
      yield batch;
      batch = [];
      artifacts = 0;
    }
  }
  if (batch.length > 0) yield batch;
}

interface Storing {
  readonly counted: boolean;
  readonly work: LifeWork;
  /** Called after each commit with all artifacts stored so far. */
  readonly onStored: (stored: number) => void;
}

/**
 * While the objects of one batch are written, the rows of the next are inserted: the ids still follow
 * the plan, since no two batches insert at a time.
 */
async function storePipelines(
  gitlab: SmallGitlab,
  pipelines: Iterable<PipelinePlan>,
  storing: Storing,
): Promise<void> {
  let stored = 0;
  let finishing: Promise<void> = Promise.resolve();
  try {
    for (const batch of batches(pipelines)) {
      const inserted = Promise.withResolvers<undefined>();
      const previous = finishing;
      finishing = storeBatch(gitlab, batch, storing, {
        inserted: () => inserted.resolve(undefined),
        previous,
      }).then((count) => storing.onStored((stored += count)));
      finishing.catch(inserted.reject);
      await inserted.promise;
    }
  } finally {
    await finishing;
  }
}

/** @returns how many artifacts it stored. */
async function storeBatch(
  gitlab: SmallGitlab,
  pipelines: readonly PipelinePlan[],
  { counted, work }: Storing,
  turn: { inserted: () => void; previous: Promise<void> },
): Promise<number> {
  const { entries, pipelineIds } = await inTransaction(gitlab.pool, async (client) => {
    const rows = await insertBatch(client, pipelines, counted);
    turn.inserted();
    await turn.previous;
    await storeObjects(gitlab, rows.entries);
    return rows;
  });
  gitlab.ledger.append(entries satisfies LedgerEntry[]);
  pipelines.forEach(({ unlocks, partitionId }, index) => {
    if (unlocks) work.pipelinesToUnlock.push({ id: pipelineIds[index] as number, partitionId });
  });
  const fates = pipelines.flatMap(({ jobs }) =>
    jobs.flatMap(({ artifacts }) => artifacts.map(({ fate }) => fate)),
  );
  entries.forEach(({ id, partitionId }, index) => {
    const list = counted ? laterWork(work, fates[index] as Fate) : work.toDelete;
    list?.push({ id, partitionId });
  });
  return entries.length;
}

async function insertBatch(
  client: Queryable,
  pipelines: readonly PipelinePlan[],
  counted: boolean,
): Promise<{ entries: ArtifactEntry[]; pipelineIds: number[] }> {
  const pipelineIds = await insertPipelines(client, pipelines.map(pipelineRow));
  const jobs = pipelines.flatMap(({ partitionId, projectId, jobs: planned }, place) =>
    planned.map((job) => ({
      ...{ partitionId, projectId, pipelineId: pipelineIds[place] as number },
      ...{ status: 'success', type: 'Ci::Build' as const, artifacts: job.artifacts },
      ...{ createdAtMs: job.createdAtMs, finishedAtMs: job.createdAtMs + 60_000 },
    })),
  );
  const jobIds = await insertBuilds(client, jobs);
  const artifacts = jobs.flatMap(({ partitionId, projectId, createdAtMs, artifacts }, index) =>
    artifacts.map((artifact): NewArtifact => {
      const jobId = jobIds[index] as number;
      return { ...artifact, partitionId, projectId, jobId, createdAtMs, counted };
    }),
  );
  return { entries: await storeRows(client, artifacts), pipelineIds };
}

function pipelineRow({ partitionId, projectId, locked, jobs }: PipelinePlan) {
  const createdAtMs = jobs[0]?.createdAtMs ?? 0;
  return { partitionId, projectId, locked, createdAtMs, status: 'success' };
}

function laterWork(work: LifeWork, fate: Fate): RowPlace[] | undefined {
  if (fate === 'moved-to-past') return work.toMoveToPast;
  if (fate === 'locked-later') return work.toLock;
  return fate === 'extended-later' ? work.toExtend : undefined;
}
