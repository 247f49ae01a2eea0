/** Cuts artifacts into the records of `artifacts.expired`. Pure. */
import type { ArtifactsExpired, DatabaseOrigin, ExpiredArtifact } from '../../schemas/generated';
import type { DueArtifact } from './ports';

type Source = 'sweep' | 'repair' | 'change';

export interface ExpiredRecord {
  /** `<partition_id>:<first id>`. */
  readonly key: string;
  readonly value: ArtifactsExpired;
}

/** One statement and one DeleteObjects call for each record; Kafka refuses records above 1 MB. */
export const recordLimits = { artifacts: 1_000, bytes: 512 * 1024 } as const;

/** Nine numbers of at most ten bytes each; strings are counted. */
const numbersBytesMax = 90;

const weightOf = (artifact: DueArtifact): number =>
  numbersBytesMax +
  Buffer.byteLength(artifact.file ?? '') +
  Buffer.byteLength(artifact.fileFinalPath ?? '');

/** Sorted by id within one partition_id, so that the delete visits each heap page once. */
export function cutRecords(
  due: readonly DueArtifact[],
  origin: DatabaseOrigin,
  source: Source,
  limits: { readonly artifacts: number; readonly bytes: number } = recordLimits,
): ExpiredRecord[] {
  const sorted = [...due].sort((a, b) => a.partitionId - b.partitionId || a.id - b.id);
  const runs: DueArtifact[][] = [];
  let weight = 0;
  for (const artifact of sorted) {
    const bytes = weightOf(artifact);
    const run = runs.at(-1);
    const fits =
      run?.[0]?.partitionId === artifact.partitionId &&
      run.length < limits.artifacts &&
      weight + bytes <= limits.bytes;
    if (fits) run.push(artifact);
    else runs.push([artifact]);
    weight = fits ? weight + bytes : bytes;
  }
  return runs.flatMap((run) => recordOf(run, origin, source));
}

function recordOf(
  run: readonly DueArtifact[],
  origin: DatabaseOrigin,
  source: Source,
): ExpiredRecord[] {
  const [first] = run;
  if (first === undefined) return [];
  const { systemIdentifier, databaseName, timeline, lsn } = origin;
  const value: ArtifactsExpired = {
    origin: { systemIdentifier, databaseName, timeline, lsn },
    source,
    partitionId: first.partitionId,
    artifacts: run.map(asExpired),
  };
  return [{ key: `${first.partitionId}:${first.id}`, value }];
}

const asExpired = (artifact: DueArtifact): ExpiredArtifact => ({
  id: artifact.id,
  projectId: artifact.projectId,
  jobId: artifact.jobId,
  createdOnDays: artifact.createdOnDays,
  fileType: artifact.fileType,
  file: artifact.file,
  fileStore: artifact.fileStore,
  fileLocation: artifact.fileLocation,
  fileFinalPath: artifact.fileFinalPath,
  sizeBytes: artifact.sizeBytes,
});
