/** Builds with chunk rows, as an outage of object storage leaves them, thousands a statement. */
import { insertBuilds } from '../../../ops/gitlab/rows';
import type { Scenario } from '../scenario/scenario';

interface ChunkedBuilds {
  readonly count: number;
  readonly status?: string;
  /** Default: a day ago; null for builds that still run. */
  readonly finishedAgoMs?: number | null;
  readonly type?: 'Ci::Build' | 'Ci::Bridge';
}

/** One pipeline's builds with one chunk each in the database. @returns their ids in ascending order. */
export async function chunkedBuilds(scenario: Scenario, wish: ChunkedBuilds): Promise<number[]> {
  const { count, status = 'success', finishedAgoMs = 86_400_000, type = 'Ci::Build' } = wish;
  const { id: pipelineId, partitionId, projectId } = await scenario.world.aPipeline();
  const createdAtMs = Date.now() - 2 * 86_400_000;
  const finishedAtMs = finishedAgoMs === null ? null : Date.now() - finishedAgoMs;
  const row = { partitionId, projectId, pipelineId, createdAtMs, finishedAtMs, status };
  const builds = Array.from({ length: count }, () => ({ ...row, type: type as 'Ci::Build' }));
  const ids = await insertBuilds(scenario.gitlab.pool, builds);
  await scenario.sql(
    `INSERT INTO ci_build_trace_chunks (build_id, partition_id, project_id, chunk_index, data_store, raw_data)
     SELECT id, $2, $3, 0, 2, 'log' FROM unnest($1::bigint[]) AS id`,
    [ids, partitionId, projectId],
  );
  return ids.sort((a, b) => a - b);
}

/** As the archiver leaves them. */
export const withoutChunks = (scenario: Scenario): Promise<unknown> =>
  scenario.sql('DELETE FROM ci_build_trace_chunks');
