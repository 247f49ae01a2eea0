/** Reads a change of an artifact as Debezium writes it, flattened, to `cdc.public.p_ci_job_artifacts`. */
import { z } from 'zod';
import { changeColumns, readColumns, whole, wide } from '../../lib/source/read-columns';
import { instantOfIso } from '../../lib/stores/postgres/instant';
import { judgeArtifact } from './artifact-row';
import type { ReadChange } from './change';

const eventSchema = z.object({
  id: wide,
  partition_id: wide,
  project_id: wide,
  job_id: wide,
  file_type: whole,
  size: wide.nullable(),
  created_at: z.string(),
  expire_at: z.string().nullable(),
  file: z.string().nullable(),
  file_store: whole.nullable(),
  file_location: whole.nullable(),
  file_final_path: z.string().nullable(),
  locked: whole.nullable(),
  ...changeColumns,
});

/**
 * @param event from the registry's codec: columns with the names of the table, `timestamptz` as ISO text.
 * @throws UndecodableRecordError that names the row and the wrong fields.
 */
export function readChange(event: unknown): ReadChange {
  const columns = readColumns(eventSchema, 'an artifact', event);
  const { artifact, odd } = judgeArtifact({
    id: columns.id,
    partitionId: columns.partition_id,
    projectId: columns.project_id,
    jobId: columns.job_id,
    createdAt: instantOfIso(columns.created_at),
    fileType: columns.file_type,
    file: columns.file,
    fileLocation: columns.file_location,
    fileFinalPath: columns.file_final_path,
    sizeBytes: columns.size,
  });
  const expireAt = columns.expire_at === null ? null : instantOfIso(columns.expire_at);
  const state = {
    expireAt,
    fileType: columns.file_type,
    fileStore: columns.file_store,
    locked: columns.locked,
    lsn: columns.__lsn,
    committedAtMs: columns.__ts_ms,
    transactionId: columns.__tx_id,
  };
  if (odd !== null) return { ...state, odd };
  if (expireAt !== null || columns.expire_at === null) return { ...state, ...artifact, odd };
  const id = `${artifact.partitionId}:${artifact.id}`;
  const unread = { table: 'p_ci_job_artifacts', field: 'expire_at', reason: 'is no time' } as const;
  // A value that is no time may be one that has come.
  return { ...state, expireAt: 0n, odd: { ...unread, id } };
}
