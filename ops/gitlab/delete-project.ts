/** Deletes a project like GitLab does. */
import { deleteArtifacts } from './changes';
import type { SmallGitlab } from './small-gitlab';

/** Its artifacts first, with their objects, so that no cascade orphans those; then everything else. */
export async function deleteProject(gitlab: SmallGitlab, projectId: number): Promise<void> {
  const { rows } = await gitlab.pool.query<{ id: string; partition_id: string }>(
    'SELECT id, partition_id FROM p_ci_job_artifacts WHERE project_id = $1 ORDER BY id',
    [projectId],
  );
  const places = rows.map((row) => ({ id: Number(row.id), partitionId: Number(row.partition_id) }));
  await deleteArtifacts(gitlab, places);
  for (const table of ['p_ci_builds', 'p_ci_pipelines']) {
    await gitlab.pool.query(`DELETE FROM ${table} WHERE project_id = $1`, [projectId]);
  }
  await gitlab.pool.query('DELETE FROM projects WHERE id = $1', [projectId]);
}
