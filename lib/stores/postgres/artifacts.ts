/** The statements of the deletion, on `p_ci_job_artifacts` (why this shape: docs/adr/0008). */
import { type ArtifactKeyColumns, firstKeyDay, lastKeyDay } from '../../gitlab/object-key';
import type { PostgresPool, Statement } from './pool';

/**
 * The artifacts that still may be deleted (I5 of docs/glossary.md), by the database's clock, and still have the object
 * that the record names. `partition_id` is a scalar, which prunes with any plan; the join with sorted ids probes the
 * primary key once a row and locks the rows in id order, so that two deleters cannot deadlock.
 */
const dueAndUnchanged = `
  unnest($2::bigint[], $3::bigint[], $4::bigint[], $5::int[], $6::text[], $7::int[], $8::text[])
    AS known (id, project_id, job_id, created_on_days, file, file_location, file_final_path)
  WHERE artifact.id = known.id
    AND artifact.partition_id = $1
    AND artifact.locked = 0
    AND artifact.file_type <> 3
    AND artifact.file_store = 2
    AND artifact.expire_at < now()
    AND artifact.project_id = known.project_id
    AND artifact.job_id = known.job_id
    AND (artifact.created_at AT TIME ZONE 'UTC')::date = date '1970-01-01' + known.created_on_days
    AND artifact.file IS NOT DISTINCT FROM known.file
    AND artifact.file_location IS NOT DISTINCT FROM known.file_location
    AND artifact.file_final_path IS NOT DISTINCT FROM known.file_final_path`;

export const artifactStatements = {
  deleteDue: {
    name: 'delete-due-artifacts',
    text: `DELETE FROM p_ci_job_artifacts AS artifact USING ${dueAndUnchanged} RETURNING artifact.id`,
  },
  findDue: {
    name: 'find-due-artifacts',
    text: `SELECT artifact.id FROM p_ci_job_artifacts AS artifact, ${dueAndUnchanged}`,
  },
  /** Over all partitions: a row that moved to another one still exists. */
  findExisting: {
    name: 'find-existing-artifacts',
    text: 'SELECT id FROM p_ci_job_artifacts WHERE id = ANY ($1::bigint[])',
  },
  /**
   * A legacy key names no artifact, so another artifact of the same job may have the same one, with any id. One without
   * a date or with an impossible project has no key.
   */
  findLegacyClaims: {
    name: 'find-legacy-claims',
    text: `
      SELECT least(greatest(id, 1), 9007199254740991) AS id, project_id AS "projectId",
             job_id AS "jobId", (created_at AT TIME ZONE 'UTC')::date - date '1970-01-01' AS "createdOnDays",
             file, file_location AS "fileLocation", file_final_path AS "fileFinalPath"
      FROM p_ci_job_artifacts
      WHERE job_id = ANY ($1::bigint[]) AND isfinite(created_at)
        AND project_id BETWEEN 1 AND 9007199254740991 AND file_location = 1 AND file_store = 2`,
  },
  /**
   * The path begins with its project's hash, so only that project's rows are read: by the index on `file_final_path`
   * where GitLab still has it, else by the one on (project_id, id).
   */
  findFinalPathClaims: {
    name: 'find-final-path-claims',
    text: `
      SELECT file_final_path AS "fileFinalPath" FROM p_ci_job_artifacts
      WHERE project_id = ANY ($1::bigint[]) AND file_final_path = ANY ($2::text[]) AND file_store = 2`,
  },
} as const satisfies Record<string, Statement>;

/**
 * For the sessions that delete: without it PostgreSQL plans the check of a foreign key of a partitioned table anew
 * for every row, which is more than half of what a deletion costs it (ADR 0015).
 */
export const deletingSessions = { planCacheMode: 'force_generic_plan' } as const;

export class PostgresArtifacts {
  readonly #pool: PostgresPool;

  constructor(pool: PostgresPool) {
    this.#pool = pool;
  }

  /**
   * Deletes, and commits, the artifacts of one partition_id that still may be deleted.
   * @returns the ids of the rows that this statement deleted.
   * @throws PostgresError; after a lost connection the rows may be gone or not.
   */
  deleteDue(partitionId: number, artifacts: readonly ArtifactKeyColumns[]): Promise<number[]> {
    return this.#ids(artifactStatements.deleteDue, dueValues(partitionId, artifacts));
  }

  /** The ids that `deleteDue` would delete now; changes nothing. */
  findDue(partitionId: number, artifacts: readonly ArtifactKeyColumns[]): Promise<number[]> {
    return this.#ids(artifactStatements.findDue, dueValues(partitionId, artifacts));
  }

  /** Those of the ids that have a row in any partition, in a snapshot taken now. */
  findExisting(ids: readonly number[]): Promise<number[]> {
    return this.#ids(artifactStatements.findExisting, [ids]);
  }

  /** The remote legacy artifacts of these jobs. */
  findLegacyClaims(jobIds: readonly number[]): Promise<ArtifactKeyColumns[]> {
    return this.#pool.query<ArtifactKeyColumns>(artifactStatements.findLegacyClaims, [jobIds]);
  }

  /** Those of the final paths that a remote artifact of their project has. */
  async findFinalPathClaims(
    finalPaths: readonly { readonly projectId: number; readonly path: string }[],
  ): Promise<string[]> {
    const projectIds = new Set(finalPaths.map(({ projectId }) => projectId));
    const rows = await this.#pool.query<{ fileFinalPath: string }>(
      artifactStatements.findFinalPathClaims,
      [[...projectIds], finalPaths.map(({ path }) => path)],
    );
    return rows.map(({ fileFinalPath }) => fileFinalPath);
  }

  async #ids(statement: Statement, values: readonly unknown[]): Promise<number[]> {
    const rows = await this.#pool.query<{ id: number }>(statement, values);
    return rows.map(({ id }) => id);
  }
}

/** The values of `deleteDue` and `findDue`, sorted by id. */
export function dueValues(
  partitionId: number,
  artifacts: readonly ArtifactKeyColumns[],
): readonly unknown[] {
  const sorted = artifacts.toSorted((a, b) => a.id - b.id);
  return [
    partitionId,
    sorted.map(({ id }) => id),
    sorted.map(({ projectId }) => projectId),
    sorted.map(({ jobId }) => jobId),
    // No key can be built beyond these bounds, and soon beyond them a date is out of PostgreSQL's range.
    sorted.map(({ createdOnDays: day }) =>
      Math.min(Math.max(day, firstKeyDay - 1), lastKeyDay + 1),
    ),
    sorted.map(({ file }) => file),
    sorted.map(({ fileLocation }) => fileLocation),
    sorted.map(({ fileFinalPath }) => fileFinalPath),
  ];
}
