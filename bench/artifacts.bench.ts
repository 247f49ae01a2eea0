/**
 * Claim: the pipeline deletes at 0.7 of the speed of its bare DELETE (with an S3 server that costs nothing), and at 0.9
 * of that of the S3 server's own DeleteObjects.
 *
 * Raw limits and pipeline take turns on clones of the same database and bucket, on the same servers.
 */
import { artifactObjectKey } from '../lib/gitlab/object-key';
import { loadConfig, artifactDeleterSchema } from '../lib/process/config';
import { deletingSessions, PostgresArtifacts } from '../lib/stores/postgres/artifacts';
import { PostgresPool, postgresSettings } from '../lib/stores/postgres/pool';
import { S3Objects, s3Settings } from '../lib/stores/s3/objects';
import type { RunningStack } from '../ops/local/stack/running-stack';
import { stackEnvironment, type StackScope } from '../ops/local/stack/stack-environment';
import { cloneSource, dropClone, dueArtifacts, makeSource, type DueArtifact } from './bench-source';
import { runPipeline, type PipelineFigures } from './pipeline-run';
import { dropSlot } from './prepare-bench';
import { median, spread, type Report } from './report';

interface ArtifactsBench {
  readonly artifacts: number;
  readonly runs: number;
}

const batchRows = 1_000;

const configOf = (stack: RunningStack, scope: StackScope) =>
  loadConfig(artifactDeleterSchema, stackEnvironment(stack, 'deleter', scope));

function batchesOf(due: ReadonlyMap<number, readonly DueArtifact[]>) {
  return [...due].flatMap(([partitionId, artifacts]) =>
    Array.from({ length: Math.ceil(artifacts.length / batchRows) }, (_, index) => ({
      partitionId,
      artifacts: artifacts.slice(index * batchRows, (index + 1) * batchRows),
    })),
  );
}

/** Runs the work over all items, `width` at a time. @returns seconds. */
async function timed<T>(items: readonly T[], width: number, work: (item: T) => Promise<unknown>) {
  const queue = items.values();
  const startedMs = performance.now();
  const lane = async (): Promise<void> => {
    for (const item of queue) await work(item);
  };
  await Promise.all(Array.from({ length: width }, lane));
  return (performance.now() - startedMs) / 1_000;
}

/** Only the deleter's own statement, so many at a time. @returns rows a second. */
async function deleteAlone(stack: RunningStack, scope: StackScope, width: number): Promise<number> {
  const config = configOf(stack, scope);
  const due = await dueArtifacts(stack, scope.database);
  const pool = new PostgresPool(
    postgresSettings(config, 'bench', { connectionsMax: width, ...deletingSessions }),
  );
  const rows = new PostgresArtifacts(pool);
  let deleted = 0;
  const seconds = await timed(batchesOf(due), width, async ({ partitionId, artifacts }) => {
    const { length } = await rows.deleteDue(partitionId, artifacts);
    deleted += length;
  });
  await pool.close();
  return deleted / seconds;
}

/** Only the requests that the deleter sends. @returns objects a second. */
async function deleteObjectsAlone(stack: RunningStack, scope: StackScope): Promise<number> {
  const config = configOf(stack, scope);
  const due = await dueArtifacts(stack, scope.database);
  const batches = batchesOf(due).map(({ artifacts }) =>
    artifacts.flatMap((artifact) => artifactObjectKey(artifact) ?? []),
  );
  const objects = new S3Objects(s3Settings(config));
  const seconds = await timed(batches, config.DELETE_CONCURRENCY, (keys) =>
    objects.deleteObjects(keys),
  );
  objects.close();
  return batches.reduce((sum, { length }) => sum + length, 0) / seconds;
}

/** The deleter finds out how many statements at a time are best: the raw limit is the best of these. */
const deleteWidths = [1, 2, 4, 8];

interface Rates {
  /** By width. */
  readonly deleteAlone: ReadonlyMap<number, number[]>;
  readonly objectsAlone: number[];
  readonly nullS3: PipelineFigures[];
  readonly realS3: PipelineFigures[];
}

async function onClone<T>(
  stack: RunningStack,
  name: string,
  withObjects: boolean,
  work: (scope: StackScope) => Promise<T>,
): Promise<T> {
  const scope = await cloneSource(stack, name, { withObjects });
  try {
    return await work(scope);
  } finally {
    if (name.startsWith('pipeline')) await dropSlot(stack, scope.database);
    await dropClone(stack, scope.database);
  }
}

async function oneRound(stack: RunningStack, rates: Rates, round: number, artifacts: number) {
  for (const [width, measured] of rates.deleteAlone) {
    measured.push(
      await onClone(stack, `delete-${width}-${round}`, false, (scope) =>
        deleteAlone(stack, scope, width),
      ),
    );
  }
  rates.nullS3.push(
    await onClone(stack, `pipeline-null-${round}`, false, (scope) =>
      runPipeline(stack, scope, { artifacts, nullS3: true }),
    ),
  );
  rates.objectsAlone.push(
    await onClone(stack, `objects-${round}`, true, (scope) => deleteObjectsAlone(stack, scope)),
  );
  rates.realS3.push(
    await onClone(stack, `pipeline-real-${round}`, true, (scope) =>
      runPipeline(stack, scope, { artifacts, nullS3: false }),
    ),
  );
}

export async function measureArtifacts(
  stack: RunningStack,
  report: Report,
  { artifacts, runs }: ArtifactsBench,
): Promise<void> {
  await makeSource(stack, artifacts);
  const rates: Rates = {
    deleteAlone: new Map(deleteWidths.map((width) => [width, []])),
    objectsAlone: [],
    nullS3: [],
    realS3: [],
  };
  for (let round = 1; round <= runs; round += 1) await oneRound(stack, rates, round, artifacts);
  const compare = (name: string, figures: readonly PipelineFigures[], raw: readonly number[]) => {
    const perSecond = figures.map(({ artifactsPerSecond }) => artifactsPerSecond);
    report({
      case: name,
      unit: 'artifacts/s',
      artifacts,
      rate: Math.round(median(perSecond)),
      rawLimit: Math.round(median(raw)),
      ratio: Number((median(perSecond) / median(raw)).toFixed(2)),
      spread: spread(perSecond),
      rawSpread: spread(raw),
      ...figures.at(-1),
    });
  };
  for (const [width, measured] of rates.deleteAlone) {
    const rate = Math.round(median(measured));
    report({ case: 'DELETE alone', unit: 'artifacts/s', width, rate, spread: spread(measured) });
  }
  const best = [...rates.deleteAlone.values()].toSorted((a, b) => median(b) - median(a))[0] ?? [];
  compare('pipeline beside DELETE alone, null S3', rates.nullS3, best);
  compare('pipeline beside DeleteObjects alone', rates.realS3, rates.objectsAlone);
}
