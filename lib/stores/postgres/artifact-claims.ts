/** Which objects the rows claim: the reconciliation's view of `p_ci_job_artifacts`, with the keys built in SQL. */
import type { PostgresPool, Statement } from './pool';

export interface Claim {
  /** The object's key, without the bucket's prefix. */
  readonly key: string;
  readonly id: number;
  readonly partitionId: number;
  /** The row may be deleted now: it waits for the pipeline. */
  readonly isDue: boolean;
}

/** The same key as lib/gitlab/object-key.ts builds, which a property test compares; null without a file. */
const objectKeySql = `
  CASE
    WHEN coalesce(file_final_path, '') <> '' THEN file_final_path
    WHEN coalesce(file, '') = '' THEN NULL
    WHEN file_location = 1 THEN
      to_char(created_at AT TIME ZONE 'UTC', 'YYYY_MM') || '/' || project_id || '/' || job_id || '/' || file
    ELSE
      regexp_replace(encode(sha256(project_id::text::bytea), 'hex'), '^(..)(..)', '\\1/\\2/\\1\\2')
      || '/' || to_char(created_at AT TIME ZONE 'UTC', 'YYYY_MM_DD')
      || '/' || job_id || '/' || id || '/' || file
  END`;

/** Ids that fit into a number, and a usable key. */
const soundSql = `
  id BETWEEN 1 AND 9007199254740991 AND partition_id BETWEEN 1 AND 9007199254740991
  AND (coalesce(file_final_path, '') <> '' OR project_id > 0 AND job_id > 0
       AND created_at >= '0001-01-01 00:00Z' AND created_at < '10000-01-01 00:00Z')`;

const claim = `
  ${objectKeySql} AS key, id, partition_id AS "partitionId",
  (locked = 0 AND file_type <> 3 AND coalesce(expire_at < now(), false)) AS "isDue"`;

/** NULLs sort behind everything and are no claim. */
const allClaims: Statement = {
  name: 'all-claims',
  text: `SELECT * FROM (SELECT ${claim} FROM p_ci_job_artifacts
      WHERE file_store = 2 AND ${soundSql}) AS claims
    WHERE key IS NOT NULL ORDER BY key COLLATE "C"`,
};

/** A few of those without a usable claim, for the report. */
const oddRows: Statement = {
  name: 'odd-artifacts',
  text: `
    SELECT partition_id || ':' || id AS id,
      CASE WHEN NOT id BETWEEN 1 AND 9007199254740991 THEN 'id'
           WHEN NOT partition_id BETWEEN 1 AND 9007199254740991 THEN 'partition_id'
           WHEN project_id < 1 THEN 'project_id' WHEN job_id < 1 THEN 'job_id'
           ELSE 'created_at' END AS field
    FROM p_ci_job_artifacts WHERE file_store = 2 AND NOT (${soundSql}) LIMIT 1000`,
};

/** One index each; the caller compares the key. */
const claimsOf: Statement = {
  name: 'claims-of',
  text: `
    SELECT ${claim} FROM p_ci_job_artifacts WHERE file_store = 2 AND ${soundSql} AND id = ANY ($1::bigint[])
    UNION ALL
    SELECT ${claim} FROM p_ci_job_artifacts
    WHERE file_store = 2 AND ${soundSql} AND file_location = 1 AND job_id = ANY ($2::bigint[])
    UNION ALL
    SELECT ${claim} FROM p_ci_job_artifacts
    WHERE file_store = 2 AND ${soundSql} AND file_final_path = ANY ($3::text[])`,
};

/** Objects whose rows GitLab has deleted: GitLab still has to remove them. */
const deletedByGitlab: Statement = {
  name: 'deleted-by-gitlab',
  text: `SELECT store_dir || '/' || file AS key FROM ci_deleted_objects
    WHERE file_store = 2 AND store_dir || '/' || file = ANY ($1::text[])`,
};

export interface OddArtifact {
  /** `<partition_id>:<id>`. */
  readonly id: string;
  readonly field: string;
}

export interface ClaimQuestion {
  readonly ids: readonly number[];
  readonly legacyJobIds: readonly number[];
  readonly finalPaths: readonly string[];
}

export class PostgresArtifactClaims {
  readonly #pool: PostgresPool;

  constructor(pool: PostgresPool) {
    this.#pool = pool;
  }

  /** Every claim in one snapshot, in the order of the keys' bytes; the server sorts them on its disk. */
  all(): AsyncGenerator<Claim, void, undefined> {
    return this.#pool.stream<Claim>(allClaims);
  }

  /** Rows without a usable key, 1,000 at most: their objects cannot be checked. */
  odd(): Promise<OddArtifact[]> {
    return this.#pool.query<OddArtifact>(oddRows);
  }

  /** Claims of these rows as they are now. */
  of({ ids, legacyJobIds, finalPaths }: ClaimQuestion): Promise<Claim[]> {
    return this.#pool.query<Claim>(claimsOf, [ids, legacyJobIds, finalPaths]);
  }

  /** Those of the keys that GitLab will remove itself. */
  async deletedByGitlab(keys: readonly string[]): Promise<string[]> {
    const rows = await this.#pool.query<{ key: string }>(deletedByGitlab, [keys]);
    return rows.map(({ key }) => key);
  }
}
