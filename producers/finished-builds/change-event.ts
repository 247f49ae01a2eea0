/** Reads a change of a build as Debezium writes it, flattened, to `cdc.public.p_ci_builds`. */
import { z } from 'zod';
import { UndecodableRecordError } from '../../lib/kafka/undecodable-record-error';
import type { BuildChange } from './change';

const whole = z.number().int();

const eventSchema = z.object({
  id: whole,
  partition_id: whole,
  project_id: whole,
  type: z.string().nullable(),
  status: z.string().nullable(),
  finished_at: whole.nullable(),
  erased_at: whole.nullable(),
  __lsn: whole,
  __ts_ms: whole,
  __tx_id: whole,
});

/**
 * @param event as the registry's codec gives it: columns as the table names them, `timestamp` without
 * time zone (which GitLab writes in UTC) as microseconds since the epoch.
 * @throws UndecodableRecordError naming the fields that are not as they must be.
 */
export function readChange(event: unknown): BuildChange {
  const parsed = eventSchema.safeParse(event);
  if (!parsed.success) {
    const fields = new Set(parsed.error.issues.map((issue) => issue.path.join('.')));
    throw new UndecodableRecordError(
      `A change of a build lacks what connect/afterbuild-source.json lists: ${[...fields].join(', ')}.`,
      null,
    );
  }
  const columns = parsed.data;
  const { finished_at: finishedAtUs } = columns;
  return {
    partitionId: columns.partition_id,
    buildId: columns.id,
    projectId: columns.project_id,
    type: columns.type,
    status: columns.status,
    finishedAtMs: finishedAtUs === null ? null : Math.floor(finishedAtUs / 1_000),
    isErased: columns.erased_at !== null,
    lsn: columns.__lsn,
    committedAtMs: columns.__ts_ms,
    transactionId: columns.__tx_id,
  };
}
