/** Checks what Avro's types cannot express of a record of `artifacts.expired`. */
import { fileStore, fileType } from '../../lib/gitlab/enums';
import {
  checkId,
  checkOrigin,
  checkRange,
  checkText,
  dateDays,
  impossibleValue,
} from '../../lib/avro/possible-values';
import type { ArtifactsExpired, ExpiredArtifact } from '../../schemas/generated';

/** As the schema says, and as the producer makes them. */
const artifactsMax = 1_000;
/** More than a record can hold. */
const textMax = 1_048_576;
const sourceMax = 64;

/**
 * An impossible id would be found missing, and its object's key made up; an impossible value would end the statement
 * for all other records.
 * @throws UndecodableRecordError that names field and id, never the value.
 */
export function checkRecord(record: ArtifactsExpired): ArtifactsExpired {
  checkOrigin(record.origin);
  checkText(record.source, sourceMax, { field: 'source' });
  checkId(record.partitionId, { field: 'partitionId' });
  const { artifacts } = record;
  if (artifacts.length > artifactsMax) {
    throw impossibleValue({ field: 'artifacts' }, `a record names at most ${artifactsMax}`);
  }
  let before = 0;
  for (const artifact of artifacts) {
    checkArtifact(artifact);
    if (artifact.id < before) {
      throw impossibleValue({ field: 'artifacts' }, 'they are sorted by id');
    }
    before = artifact.id;
  }
  return record;
}

function checkArtifact(artifact: ExpiredArtifact): void {
  const { id } = artifact;
  checkId(id, { field: 'id' });
  checkId(artifact.projectId, { field: 'projectId', id });
  checkId(artifact.jobId, { field: 'jobId', id });
  checkRange(artifact.createdOnDays, dateDays, { field: 'createdOnDays', id });
  if (artifact.fileType === fileType.trace) {
    throw impossibleValue({ field: 'fileType', id }, 'a trace does not expire');
  }
  if (artifact.fileStore !== fileStore.remote) {
    throw impossibleValue({ field: 'fileStore', id }, 'only what is stored remotely is named');
  }
  checkText(artifact.file ?? '', textMax, { field: 'file', id });
  checkText(artifact.fileFinalPath ?? '', textMax, { field: 'fileFinalPath', id });
}
