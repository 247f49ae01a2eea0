/** What Avro's types cannot say of a record of `artifacts.expired`. */
import { UndecodableRecordError } from '../../lib/kafka/undecodable-record-error';
import type { ArtifactsExpired } from '../../schemas/generated';

/** GitLab's ids come from sequences. */
const isId = (value: number): boolean => Number.isSafeInteger(value) && value > 0;

/**
 * An id that no row can have would be found missing, and its object's key made up.
 * @throws UndecodableRecordError naming the column, never the value.
 */
export function checkIds(record: ArtifactsExpired): ArtifactsExpired {
  if (!isId(record.partitionId)) throw impossible('partitionId');
  for (const artifact of record.artifacts) {
    if (!isId(artifact.id)) throw impossible('id');
    if (!isId(artifact.projectId)) throw impossible('projectId');
    if (!isId(artifact.jobId)) throw impossible('jobId');
  }
  return record;
}

const impossible = (column: string): UndecodableRecordError =>
  new UndecodableRecordError(
    `The record holds an impossible ${column}: ids are whole numbers above 0 and below 2^53.`,
    'impossible-id',
  );
