/** Reads a change of a build as Debezium writes it, flattened, to `cdc.public.p_ci_builds`. */
import { z } from 'zod';
import { changeColumns, readColumns, wide } from '../../lib/source/read-columns';
import { isId, type Whole } from '../../lib/stores/postgres/whole';
import { oddBuild, type ReadChange } from './change';

const eventSchema = z.object({
  id: wide,
  partition_id: wide,
  project_id: wide,
  type: z.string().nullable(),
  status: z.string().nullable(),
  // An infinite time is beyond ±2^53.
  finished_at: wide.nullable(),
  erased_at: wide.nullable(),
  ...changeColumns,
});

/**
 * @param event from the registry's codec: columns with the names of the table, `timestamp` without time zone (which
 * GitLab writes in UTC) as microseconds since the epoch.
 * @throws UndecodableRecordError that names the build and the wrong fields.
 */
export function readChange(event: unknown): ReadChange {
  const columns = readColumns(eventSchema, 'a build', event);
  const { finished_at: finishedAtUs, __ts_ms: committedAtMs } = columns;
  const state = {
    type: columns.type,
    status: columns.status,
    finishedAtMs: finishedAtMsOf(finishedAtUs, committedAtMs),
    isErased: columns.erased_at !== null,
    lsn: columns.__lsn,
    committedAtMs,
    transactionId: columns.__tx_id,
  };
  const { id: buildId, partition_id: partitionId, project_id: projectId } = columns;
  const odd = (field: string): ReadChange => ({
    ...state,
    odd: oddBuild(partitionId, buildId, field),
  });
  if (!isId(buildId)) return odd('id');
  if (!isId(partitionId)) return odd('partition_id');
  if (!isId(projectId)) return odd('project_id');
  return { ...state, buildId, partitionId, projectId, odd: null };
}

/**
 * A build cannot have finished after the commit that says so, even if its row does (`infinity`, another clock, a wrong
 * time zone): its time to settle counts from that commit. And a build that finished before 1970, or at `-infinity`,
 * finished long ago. Debezium 3.6 and 3.7 write the infinities as different longs; both are far outside.
 */
function finishedAtMsOf(us: Whole | null, committedAtMs: number): number {
  if (us === null) return committedAtMs;
  return Math.min(Math.max(Math.floor(Number(us) / 1_000), 0), committedAtMs);
}
