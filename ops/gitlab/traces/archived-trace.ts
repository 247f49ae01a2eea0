/** Reads the artifact row of an archived trace as it is now, with any author. */
import { fileStore, fileType } from '../../../lib/gitlab/enums';
import { artifactObjectKey } from '../../../lib/gitlab/object-key';
import type { Queryable } from '../rows';

export interface TraceRow {
  readonly id: number;
  readonly buildId: number;
  readonly partitionId: number;
  /** Null for a row that never had a file in the bucket. */
  readonly key: string | null;
  readonly sizeBytes: number | null;
  /** Lower-case hex; GitLab's own rows hold those digits as text, not the 32 bytes. */
  readonly sha256: string | undefined;
  /** Whether the row was written in the seconds before GitLab marked the build as erased; null when it is not. */
  readonly isOfErasure: boolean | null;
}

interface Columns {
  readonly id: string;
  readonly partition_id: string;
  readonly project_id: string;
  readonly job_id: string;
  readonly created_days: number;
  readonly file: string | null;
  readonly file_store: number;
  readonly file_location: number | null;
  readonly file_final_path: string | null;
  readonly size: string | null;
  readonly file_sha256: Buffer | null;
  readonly is_of_erasure: boolean | null;
}

const select = `SELECT id, partition_id, project_id, job_id, file, file_store, file_location,
    file_final_path, size, file_sha256,
    floor(extract(epoch FROM created_at) / 86400)::int AS created_days,
    (SELECT artifact.created_at AT TIME ZONE 'utc'
              BETWEEN build.erased_at - interval '10 seconds' AND build.erased_at
     FROM p_ci_builds AS build
     WHERE build.id = artifact.job_id AND build.partition_id = artifact.partition_id) AS is_of_erasure
  FROM p_ci_job_artifacts AS artifact WHERE file_type = ${fileType.trace}`;

/** Of one build; undefined when it has none. */
export async function traceRow(client: Queryable, buildId: number): Promise<TraceRow | undefined> {
  const { rows } = await client.query<Columns>(`${select} AND job_id = $1`, [buildId]);
  return rows[0] && traceRowOf(rows[0]);
}

/** Of all builds, by build id. */
export async function traceRows(client: Queryable): Promise<ReadonlyMap<number, TraceRow>> {
  const { rows } = await client.query<Columns>(select);
  return new Map(rows.map((row) => [Number(row.job_id), traceRowOf(row)]));
}

function traceRowOf(row: Columns): TraceRow {
  return {
    id: Number(row.id),
    buildId: Number(row.job_id),
    partitionId: Number(row.partition_id),
    key: row.file_store === fileStore.remote ? keyOf(row) : null,
    sizeBytes: row.size === null ? null : Number(row.size),
    sha256: sha256Digits(row.file_sha256),
    isOfErasure: row.is_of_erasure,
  };
}

function keyOf(row: Columns): string | null {
  return artifactObjectKey({
    id: Number(row.id),
    projectId: Number(row.project_id),
    jobId: Number(row.job_id),
    createdOnDays: row.created_days,
    file: row.file,
    fileLocation: row.file_location,
    fileFinalPath: row.file_final_path,
  });
}

function sha256Digits(column: Buffer | null): string | undefined {
  if (column === null) return undefined;
  return column.length === 32 ? column.toString('hex') : column.toString('latin1');
}
