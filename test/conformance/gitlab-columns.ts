/** The columns of GitLab's own schema, listed apart from the SQL that creates them. */

const timestamptz = 'timestamp with time zone';
const timestamp = 'timestamp without time zone';
const varchar = 'character varying';
const columns = (names: string, type: string): string[] =>
  names.split(' ').map((name) => `${name} ${type}`);

/** Columns by table: `name type [not null] [default …]`. */
export const shapes: Record<string, readonly string[]> = {
  p_ci_job_artifacts: [
    ...columns('id partition_id project_id job_id', 'bigint not null'),
    'file_type integer not null',
    'size bigint',
    ...columns('created_at updated_at', `${timestamptz} not null`),
    `expire_at ${timestamptz}`,
    `file ${varchar}`,
    'file_store integer default 1',
    'file_sha256 bytea',
    ...columns('file_format file_location', 'smallint'),
    'locked smallint default 2',
    'accessibility smallint not null default 0',
    ...columns('file_final_path exposed_as', 'text'),
    'exposed_paths text[]',
  ],
  p_ci_builds: [
    ...columns(
      'status name ref type target_url description environment when coverage_regex token_encrypted',
      varchar,
    ),
    ...columns(
      'finished_at created_at updated_at started_at erased_at artifacts_expire_at queued_at',
      timestamp,
    ),
    ...columns('scheduled_at waiting_for_resource_at', timestamptz),
    'coverage double precision',
    ...columns('options yaml_variables', 'text'),
    'allow_failure boolean not null default false',
    ...columns('stage_idx failure_reason', 'integer'),
    ...columns('tag retried protected processed', 'boolean'),
    'lock_version integer default 0',
    'scheduling_type smallint',
    ...columns('id partition_id', 'bigint not null'),
    ...columns('project_id stage_id commit_id runner_id user_id erased_by_id', 'bigint'),
    ...columns('resource_group_id trigger_request_id upstream_pipeline_id', 'bigint'),
    ...columns('upstream_pipeline_partition_id auto_canceled_by_id', 'bigint'),
    ...columns('auto_canceled_by_partition_id execution_config_id', 'bigint'),
  ],
  p_ci_pipelines: [
    ...columns('ref sha before_sha status', varchar),
    ...columns('created_at updated_at committed_at started_at finished_at', timestamp),
    'tag boolean default false',
    'yaml_errors text',
    ...columns('duration source config_source failure_reason iid', 'integer'),
    'protected boolean',
    'lock_version integer default 0',
    ...columns('source_sha target_sha', 'bytea'),
    'locked smallint not null default 1',
    ...columns('partition_id id', 'bigint not null'),
    ...columns('project_id user_id pipeline_schedule_id merge_request_id', 'bigint'),
    ...columns('external_pull_request_id ci_ref_id auto_canceled_by_id', 'bigint'),
    ...columns('auto_canceled_by_partition_id trigger_id', 'bigint'),
  ],
  ci_build_trace_chunks: [
    "id bigint not null default nextval('ci_build_trace_chunks_id_seq'::regclass)",
    ...columns('build_id partition_id', 'bigint not null'),
    ...columns('chunk_index data_store', 'integer not null'),
    ...columns('raw_data checksum', 'bytea'),
    'lock_version integer not null default 0',
    'project_id bigint',
  ],
  p_ci_build_trace_metadata: [
    ...columns('build_id partition_id project_id', 'bigint not null'),
    'trace_artifact_id bigint',
    ...columns('last_archival_attempt_at archived_at', timestamptz),
    'archival_attempts smallint not null default 0',
    ...columns('checksum remote_checksum', 'bytea'),
  ],
  ci_build_pending_states: [
    "id bigint not null default nextval('ci_build_pending_states_id_seq'::regclass)",
    ...columns('created_at updated_at', `${timestamptz} not null`),
    ...columns('build_id partition_id', 'bigint not null'),
    ...columns('state failure_reason', 'smallint'),
    'trace_checksum bytea',
    ...columns('trace_bytesize project_id', 'bigint'),
  ],
  ci_deleted_objects: [
    "id bigint not null default nextval('ci_deleted_objects_id_seq'::regclass)",
    'file_store smallint not null default 1',
    ...columns('pick_up_at created_at', `${timestamptz} not null default now()`),
    ...columns('store_dir file', 'text not null'),
    'project_id bigint',
  ],
  ci_job_artifact_states: [
    ...columns('job_artifact_id partition_id', 'bigint not null'),
    'verification_state smallint not null default 0',
    ...columns('verification_started_at verification_retry_at verified_at', timestamptz),
    'verification_retry_count smallint',
    'verification_checksum bytea',
    'verification_failure text',
    'project_id bigint',
  ],
  ci_pipeline_artifacts: [
    "id bigint not null default nextval('ci_pipeline_artifacts_id_seq'::regclass)",
    ...columns('created_at updated_at', `${timestamptz} not null`),
    ...columns('pipeline_id project_id partition_id', 'bigint not null'),
    'size integer not null',
    'file_store smallint not null default 1',
    ...columns('file_type file_format', 'smallint not null'),
    'file text',
    `expire_at ${timestamptz}`,
    'locked smallint default 2',
  ],
};
