/**
 * Checks whether a row's values fit into a record and into its object's key. Pure.
 *
 * PostgreSQL's types allow far more than GitLab writes. Each row is checked by itself: a value that does not fit sets
 * that row aside, alone, and the message names the field. A size only feeds counters, so no row is refused for it.
 */
import { firstKeyDay, lastKeyDay } from '../../lib/gitlab/object-key';
import type { OddRow } from '../../lib/metrics/set-aside';
import { dayOf, infinity, minusInfinity, type Instant } from '../../lib/stores/postgres/instant';
import { isId, sizeOf } from '../../lib/stores/postgres/whole';
import type { ArtifactColumns, DueArtifact } from './ports';

export type NamedArtifact = Omit<DueArtifact, 'expireAt' | 'fileStore'>;

type JudgedArtifact =
  | { readonly artifact: NamedArtifact; readonly odd: null }
  | { readonly artifact: null; readonly odd: OddRow };

const noId = 'is no whole number from 1 to 2^53 − 1';
const tooLong = 'is longer than the key of an object may be';

export function judgeArtifact(columns: ArtifactColumns): JudgedArtifact {
  const { id, partitionId, projectId, jobId, file, fileFinalPath } = columns;
  const odd = (field: string, reason: string): JudgedArtifact => ({
    artifact: null,
    odd: { table: 'p_ci_job_artifacts', id: `${partitionId}:${id}`, field, reason },
  });
  if (!isId(id)) return odd('id', noId);
  if (!isId(partitionId)) return odd('partition_id', noId);
  if (!isId(projectId)) return odd('project_id', noId);
  if (!isId(jobId)) return odd('job_id', noId);
  const createdOnDays = keyDayOf(columns.createdAt);
  if (createdOnDays === null) return odd('created_at', 'lies outside the years 1 to 9999');
  if (isTooLong(file)) return odd('file', tooLong);
  if (isTooLong(fileFinalPath)) return odd('file_final_path', tooLong);
  const { fileType, fileLocation } = columns;
  const rest = { createdOnDays, fileType, file, fileLocation, fileFinalPath };
  const sizeBytes = sizeOf(columns.sizeBytes);
  return { artifact: { id, partitionId, projectId, jobId, ...rest, sizeBytes }, odd: null };
}

/** GitLab's keys name a year by four digits. */
function keyDayOf(createdAt: Instant | null): number | null {
  if (createdAt === null || createdAt >= infinity || createdAt <= minusInfinity) return null;
  const day = dayOf(createdAt);
  return day >= firstKeyDay && day <= lastKeyDay ? day : null;
}

/** Of S3's keys; a longer name would also make a record that no broker accepts. */
const bytesMax = 1_024;
const isTooLong = (text: string | null): boolean =>
  text !== null && Buffer.byteLength(text) > bytesMax;
