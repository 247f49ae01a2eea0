/** Checks what Avro's types cannot express of a record of `builds.finished`. */
import {
  checkId,
  checkOrigin,
  checkRange,
  checkText,
  timestampMs,
} from '../../lib/avro/possible-values';
import type { BuildFinished } from '../../schemas/generated';

const textMax = 64;

/**
 * GitLab's ids come from sequences; the object's key is built from them.
 * @throws UndecodableRecordError that names field and id, never the value.
 */
export function checkRecord(record: BuildFinished): BuildFinished {
  checkOrigin(record.origin);
  for (const field of ['partitionId', 'buildId', 'projectId'] as const) {
    checkId(record[field], { field });
  }
  const id = record.buildId;
  checkText(record.source, textMax, { field: 'source', id });
  checkText(record.status, textMax, { field: 'status', id });
  checkRange(record.finishedAtMs, timestampMs, { field: 'finishedAtMs', id });
  return record;
}
