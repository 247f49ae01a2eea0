/**
 * Odd values in the columns that the pipeline reads: PostgreSQL's types allow them and GitLab does not write them
 * today. Manual repairs, imports and old bugs have left such rows behind.
 */
import { changeArtifacts } from './changes';
import type { Random } from './random';
import type { RowPlace } from './seed';
import type { SmallGitlab } from './small-gitlab';

/** With each of them it stays clear whether the artifact may be deleted. */
const ofArtifacts = [
  `expire_at = '-infinity'`,
  `expire_at = '0044-03-15 12:00+00 BC'`,
  `expire_at = '1800-01-01 00:00+00'`,
  `expire_at = 'infinity'`,
  `expire_at = '294276-12-31 23:59:59.999+00'`,
  'size = 9007199254740993',
  'size = -1',
];

const endsOfBuilds = [`'infinity'`, `'-infinity'`, 'NULL', `now() + interval '10 years'`];

export async function writeOddValue(
  gitlab: SmallGitlab,
  artifact: RowPlace,
  random: Random,
): Promise<void> {
  await changeArtifacts(gitlab, [artifact], random.oneOf(ofArtifacts));
}

export async function writeOddEnd(
  { pool }: SmallGitlab,
  build: RowPlace,
  random: Random,
): Promise<void> {
  await pool.query(
    `UPDATE p_ci_builds SET finished_at = ${random.oneOf(endsOfBuilds)} WHERE id = $1 AND partition_id = $2`,
    [build.id, build.partitionId],
  );
}

/** Artifacts whose key cannot be computed for a while, since the day of their creation is unknown. */
export class Undated {
  private readonly waiting: (RowPlace & { readonly createdAt: string })[] = [];

  constructor(private readonly gitlab: SmallGitlab) {}

  async add({ id, partitionId }: RowPlace): Promise<void> {
    const { rows } = await this.gitlab.pool.query<{ createdAt: string }>(
      `UPDATE p_ci_job_artifacts AS artifact SET created_at = '-infinity'
       FROM (SELECT id, partition_id, created_at::text AS known FROM p_ci_job_artifacts
             WHERE id = $1 AND partition_id = $2 FOR UPDATE) AS before
       WHERE artifact.id = before.id AND artifact.partition_id = before.partition_id
       RETURNING before.known AS "createdAt"`,
      [id, partitionId],
    );
    for (const { createdAt } of rows) this.waiting.push({ id, partitionId, createdAt });
  }

  /** The oldest gets its day back. */
  async mendOne(): Promise<void> {
    const [oldest] = this.waiting;
    if (oldest === undefined) return;
    await this.gitlab.pool.query(
      'UPDATE p_ci_job_artifacts SET created_at = $3 WHERE id = $1 AND partition_id = $2',
      [oldest.id, oldest.partitionId, oldest.createdAt],
    );
    this.waiting.shift();
  }

  async mendAll(): Promise<void> {
    while (this.waiting.length > 0) await this.mendOne();
  }
}
