/**
 * The tables and columns whose changes each producer reads; connect/afterbuild-source.json and 0008-publication.sql
 * list the same.
 */
import { topicNames } from '../kafka/topics/topics';
import type { NeededTable } from './check-source';

export interface ChangeTable extends NeededTable {
  /** The topic of its changes, without the namespace. */
  readonly topic: string;
}

export const buildTable: ChangeTable = {
  name: 'public.p_ci_builds',
  topic: topicNames.buildChanges,
  columns: ['id', 'partition_id', 'project_id', 'type', 'status', 'finished_at', 'erased_at'],
};

export const artifactTable: ChangeTable = {
  name: 'public.p_ci_job_artifacts',
  topic: topicNames.artifactChanges,
  columns: [
    ...['id', 'partition_id', 'project_id', 'job_id', 'file_type', 'size', 'created_at'],
    ...['expire_at', 'file', 'file_store', 'file_location', 'file_final_path', 'locked'],
  ],
};
