/** Reads a change of an artifact as Debezium writes it, flattened, to `cdc.public.p_ci_job_artifacts`. */
import { z } from 'zod';
import { UndecodableRecordError } from '../../lib/kafka/undecodable-record-error';
import type { ArtifactChange } from './change';

const whole = z.number().int();

const eventSchema = z.object({
  id: whole,
  partition_id: whole,
  project_id: whole,
  job_id: whole,
  file_type: whole,
  size: whole.nullable(),
  created_at: z.string(),
  expire_at: z.string().nullable(),
  file: z.string().nullable(),
  file_store: whole.nullable(),
  file_location: whole.nullable(),
  file_final_path: z.string().nullable(),
  locked: whole.nullable(),
  __lsn: whole,
  __ts_ms: whole,
  __tx_id: whole,
});

const dayUs = 86_400_000_000;

/**
 * @param event as the registry's codec gives it: columns as the table names them, `timestamptz` as ISO text.
 * @throws UndecodableRecordError naming the fields that are not as they must be.
 */
export function readChange(event: unknown): ArtifactChange {
  const parsed = eventSchema.safeParse(event);
  if (!parsed.success) {
    const fields = new Set(parsed.error.issues.map((issue) => issue.path.join('.')));
    throw new UndecodableRecordError(
      `A change of an artifact lacks what connect/afterbuild-source.json lists: ${[...fields].join(', ')}.`,
      null,
    );
  }
  const columns = parsed.data;
  return {
    id: columns.id,
    partitionId: columns.partition_id,
    projectId: columns.project_id,
    jobId: columns.job_id,
    expireAtUs: columns.expire_at === null ? null : microsecondsOf(columns.expire_at),
    createdOnDays: Math.floor(microsecondsOf(columns.created_at) / dayUs),
    fileType: columns.file_type,
    file: columns.file,
    fileStore: columns.file_store,
    fileLocation: columns.file_location,
    fileFinalPath: columns.file_final_path,
    sizeBytes: columns.size,
    locked: columns.locked,
    lsn: columns.__lsn,
    committedAtMs: columns.__ts_ms,
    transactionId: columns.__tx_id,
  };
}

const isoShape = /^(\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d)?)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/;
/** What no calendar date of four-digit years says: `infinity`, and years beyond 9999. */
const farFuture = /^(\+?infinity|\+?\d{5,}-.*)$/;

/**
 * Microseconds since the epoch, not rounded to the milliseconds of a `Date`.
 * @throws UndecodableRecordError for text that is no instant.
 */
export function microsecondsOf(text: string): number {
  if (farFuture.test(text)) return Number.MAX_SAFE_INTEGER;
  const [, seconds, fraction = '', zone] = isoShape.exec(text) ?? [];
  const ms = Date.parse(`${seconds ?? ''}${zone ?? ''}`);
  if (Number.isNaN(ms)) {
    throw new UndecodableRecordError(
      'A change of an artifact has a time that is no ISO instant.',
      null,
    );
  }
  return ms * 1_000 + Number(fraction.padEnd(6, '0').slice(0, 6));
}
