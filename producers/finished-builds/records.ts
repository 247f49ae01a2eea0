/** Turns finished builds into records of `builds.finished`. Pure. */
import type { DatabaseOrigin } from '../../schemas/generated';
import type { FinishedBuild, FinishedRecord } from './ports';

export const keyOf = ({ partitionId, buildId }: { partitionId: number; buildId: number }): string =>
  `${partitionId}:${buildId}`;

export function recordOf(
  build: FinishedBuild,
  origin: DatabaseOrigin,
  source: 'change' | 'stale',
): FinishedRecord {
  const { systemIdentifier, databaseName, timeline, lsn } = origin;
  return {
    key: keyOf(build),
    value: {
      origin: { systemIdentifier, databaseName, timeline, lsn },
      source,
      partitionId: build.partitionId,
      buildId: build.buildId,
      projectId: build.projectId,
      status: build.status,
      finishedAtMs: build.finishedAtMs,
    },
  };
}
