/** Which builds may still have a trace to archive: for the plan of a replay, with the rights of a reader. */
import type { PostgresPool, Statement } from './pool';

/** $1 partition_id, $2 builds. */
const unarchived: Statement = {
  name: 'unarchived-builds',
  text: `
    SELECT id FROM p_ci_builds AS build
    WHERE partition_id = $1 AND id = ANY ($2::bigint[]) AND erased_at IS NULL AND NOT EXISTS (
      SELECT FROM p_ci_job_artifacts AS artifact
      WHERE artifact.job_id = build.id AND artifact.partition_id = $1 AND artifact.file_type = 3)`,
};

/** @returns those of the builds that are there, are not erased, and have no archived trace. @throws PostgresError. */
export async function findUnarchived(
  pool: PostgresPool,
  partitionId: number,
  buildIds: readonly number[],
): Promise<number[]> {
  const rows = await pool.query<{ id: number }>(unarchived, [partitionId, buildIds]);
  return rows.map(({ id }) => id);
}
