/** Changes, chunked builds and a database of them in memory, for the tests of producers/finished-builds. */
import type { DatabaseMoment } from '../../../lib/brake/database-guard';
import type { BuildChange } from '../../../producers/finished-builds/change';
import type { StalePage, StaleRead } from '../../../producers/finished-builds/ports';
import { moment } from './expired-artifacts';

/** A build that has succeeded, visible in any snapshot from 51 on. */
export const buildChange = (columns: Partial<BuildChange>): BuildChange => ({
  partitionId: 100,
  buildId: 1,
  projectId: 2,
  type: 'Ci::Build',
  status: 'success',
  finishedAtMs: 4_000,
  isErased: false,
  lsn: 900,
  committedAtMs: 5_000,
  transactionId: 50,
  odd: null,
  ...columns,
});

export const due = { projectId: 2, status: 'success', finishedAtMs: 4_000 };

export interface KnownBuild {
  readonly partitionId: number;
  readonly buildId: number;
  readonly isDue: boolean;
}

/** Answers a page as `lib/stores/postgres/stale-builds.ts` does. */
export function pageOf(
  builds: readonly KnownBuild[],
  { partitionId, afterBuildId, slice, slices, buildsMax }: StaleRead,
  database: DatabaseMoment = moment,
): StalePage {
  const page = builds
    .filter((build) => build.partitionId === partitionId && build.buildId > afterBuildId)
    .filter(({ buildId }) => buildId % slices === slice)
    .sort((a, b) => a.buildId - b.buildId)
    .slice(0, buildsMax)
    .map(({ buildId, isDue }) => ({ buildId, due: isDue ? due : null }));
  const above = builds.map((build) => build.partitionId).filter((id) => id > partitionId);
  const isEnd = page.length < buildsMax && above.length > 0;
  return { builds: page, odd: [], nextPartitionId: isEnd ? Math.min(...above) : null, database };
}
