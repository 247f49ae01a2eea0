/** What Avro's types cannot say of a record of `builds.finished`. */
import { UndecodableRecordError } from '../../lib/kafka/undecodable-record-error';
import type { BuildFinished } from '../../schemas/generated';

/**
 * GitLab's ids come from sequences; the object's key is made of them.
 * @throws UndecodableRecordError naming the column, never the value.
 */
export function checkRecord(record: BuildFinished): BuildFinished {
  for (const column of ['partitionId', 'buildId', 'projectId'] as const) {
    const value = record[column];
    if (Number.isSafeInteger(value) && value > 0) continue;
    throw new UndecodableRecordError(
      `The record holds an impossible ${column}: ids are whole numbers above 0 and below 2^53.`,
      'impossible-id',
    );
  }
  return record;
}
