-- Pipelines and builds: GitLab's columns, keys and triggers, partitioned by partition_id. The old
-- table names are the first physical partitions; ci_pipelines holds three partition_ids, ci_builds one.

CREATE SEQUENCE ci_pipelines_id_seq;
CREATE SEQUENCE ci_builds_id_seq;

CREATE TABLE p_ci_pipelines (
  ref character varying,
  sha character varying,
  before_sha character varying,
  created_at timestamp without time zone,
  updated_at timestamp without time zone,
  tag boolean DEFAULT false,
  yaml_errors text,
  committed_at timestamp without time zone,
  status character varying,
  started_at timestamp without time zone,
  finished_at timestamp without time zone,
  duration integer,
  lock_version integer DEFAULT 0,
  source integer,
  config_source integer,
  protected boolean,
  failure_reason integer,
  iid integer,
  source_sha bytea,
  target_sha bytea,
  locked smallint NOT NULL DEFAULT 1,
  partition_id bigint NOT NULL,
  id bigint NOT NULL,
  auto_canceled_by_id bigint,
  auto_canceled_by_partition_id bigint,
  ci_ref_id bigint,
  external_pull_request_id bigint,
  merge_request_id bigint,
  pipeline_schedule_id bigint,
  project_id bigint,
  trigger_id bigint,
  user_id bigint,
  PRIMARY KEY (id, partition_id),
  CONSTRAINT check_lock_version_not_null CHECK (lock_version IS NOT NULL),
  CONSTRAINT check_project_id_not_null CHECK (project_id IS NOT NULL)
) PARTITION BY LIST (partition_id);

CREATE TABLE ci_pipelines PARTITION OF p_ci_pipelines FOR VALUES IN (100, 101, 102);

CREATE INDEX p_ci_pipelines_ci_ref_id_id_idx ON p_ci_pipelines (ci_ref_id, id) WHERE locked = 1;
CREATE INDEX p_ci_pipelines_ci_ref_id_id_source_status_idx
  ON p_ci_pipelines (ci_ref_id, id DESC, source, status) WHERE ci_ref_id IS NOT NULL;
CREATE UNIQUE INDEX p_ci_pipelines_project_id_iid_partition_id_idx
  ON p_ci_pipelines (project_id, iid, partition_id);
CREATE INDEX p_ci_pipelines_project_id_id_idx ON p_ci_pipelines (project_id, id DESC);
CREATE INDEX p_ci_pipelines_status_id_idx ON p_ci_pipelines (status, id);
CREATE INDEX p_ci_pipelines_auto_canceled_by_id_idx ON p_ci_pipelines (auto_canceled_by_id);

ALTER TABLE p_ci_pipelines
  ADD CONSTRAINT fk_pipelines_auto_canceled_by
  FOREIGN KEY (auto_canceled_by_partition_id, auto_canceled_by_id)
  REFERENCES p_ci_pipelines (partition_id, id) ON UPDATE CASCADE ON DELETE SET NULL;

CREATE TABLE p_ci_builds (
  status character varying,
  finished_at timestamp without time zone,
  created_at timestamp without time zone,
  updated_at timestamp without time zone,
  started_at timestamp without time zone,
  coverage double precision,
  name character varying,
  options text,
  allow_failure boolean NOT NULL DEFAULT false,
  stage_idx integer,
  tag boolean,
  ref character varying,
  type character varying,
  target_url character varying,
  description character varying,
  erased_at timestamp without time zone,
  artifacts_expire_at timestamp without time zone,
  environment character varying,
  "when" character varying,
  yaml_variables text,
  queued_at timestamp without time zone,
  lock_version integer DEFAULT 0,
  coverage_regex character varying,
  retried boolean,
  protected boolean,
  failure_reason integer,
  scheduled_at timestamp with time zone,
  token_encrypted character varying,
  resource_group_id bigint,
  waiting_for_resource_at timestamp with time zone,
  processed boolean,
  scheduling_type smallint,
  id bigint NOT NULL,
  stage_id bigint,
  partition_id bigint NOT NULL,
  auto_canceled_by_partition_id bigint,
  auto_canceled_by_id bigint,
  commit_id bigint,
  erased_by_id bigint,
  project_id bigint,
  runner_id bigint,
  trigger_request_id bigint,
  upstream_pipeline_id bigint,
  user_id bigint,
  execution_config_id bigint,
  upstream_pipeline_partition_id bigint,
  PRIMARY KEY (id, partition_id),
  CONSTRAINT check_lock_version_not_null CHECK (lock_version IS NOT NULL),
  CONSTRAINT check_project_id_not_null CHECK (project_id IS NOT NULL)
) PARTITION BY LIST (partition_id);

CREATE TABLE ci_builds PARTITION OF p_ci_builds FOR VALUES IN (100);
CREATE TABLE gitlab_partitions_dynamic.ci_builds_101 PARTITION OF p_ci_builds FOR VALUES IN (101);
CREATE TABLE gitlab_partitions_dynamic.ci_builds_102 PARTITION OF p_ci_builds FOR VALUES IN (102);

CREATE INDEX p_ci_builds_status_type_runner_id_idx ON p_ci_builds (status, type, runner_id);
CREATE INDEX p_ci_builds_commit_id_status_type_idx ON p_ci_builds (commit_id, status, type);
CREATE INDEX p_ci_builds_commit_id_type_ref_idx ON p_ci_builds (commit_id, type, ref);
CREATE INDEX p_ci_builds_commit_id_type_name_ref_idx ON p_ci_builds (commit_id, type, name, ref);
CREATE INDEX p_ci_builds_commit_id_stage_idx_created_at_idx
  ON p_ci_builds (commit_id, stage_idx, created_at);
CREATE INDEX p_ci_builds_project_id_id_idx ON p_ci_builds (project_id, id);
CREATE INDEX p_ci_builds_updated_at_idx ON p_ci_builds (updated_at);
CREATE INDEX p_ci_builds_stage_id_idx ON p_ci_builds (stage_id) WHERE stage_id IS NOT NULL;
CREATE INDEX p_ci_builds_runner_id_id_idx ON p_ci_builds (runner_id, id DESC);
CREATE INDEX p_ci_builds_auto_canceled_by_id_idx ON p_ci_builds (auto_canceled_by_id)
  WHERE auto_canceled_by_id IS NOT NULL;
CREATE INDEX p_ci_builds_upstream_pipeline_id_idx ON p_ci_builds (upstream_pipeline_id)
  WHERE upstream_pipeline_id IS NOT NULL;

ALTER TABLE p_ci_builds
  ADD CONSTRAINT fk_builds_pipeline
  FOREIGN KEY (partition_id, commit_id)
  REFERENCES p_ci_pipelines (partition_id, id) ON UPDATE CASCADE ON DELETE CASCADE,
  ADD CONSTRAINT fk_builds_upstream_pipeline
  FOREIGN KEY (upstream_pipeline_partition_id, upstream_pipeline_id)
  REFERENCES p_ci_pipelines (partition_id, id) ON UPDATE CASCADE ON DELETE CASCADE,
  ADD CONSTRAINT fk_builds_auto_canceled_by
  FOREIGN KEY (auto_canceled_by_partition_id, auto_canceled_by_id)
  REFERENCES p_ci_pipelines (partition_id, id) ON UPDATE CASCADE ON DELETE SET NULL;

-- The id triggers overwrite any id that the caller chose (and only send a WARNING). The
-- function runs as the caller, who so needs USAGE on the sequence. The argument names the sequence.
CREATE FUNCTION assign_id_value() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.id IS NOT NULL THEN
    RAISE WARNING 'the id of % cannot be chosen; the given value is ignored', TG_TABLE_NAME;
  END IF;
  NEW.id := nextval(TG_ARGV[0]::regclass);
  RETURN NEW;
END
$$;

CREATE TRIGGER assign_p_ci_pipelines_id_trigger BEFORE INSERT ON p_ci_pipelines
  FOR EACH ROW EXECUTE FUNCTION assign_id_value('ci_pipelines_id_seq');
CREATE TRIGGER assign_p_ci_builds_id_trigger BEFORE INSERT ON p_ci_builds
  FOR EACH ROW EXECUTE FUNCTION assign_id_value('ci_builds_id_seq');

-- Loose foreign keys: on the root and on each partition, as a statement fires only the triggers of
-- the table that it names.
CREATE TRIGGER p_ci_pipelines_loose_fk_trigger AFTER DELETE ON p_ci_pipelines
  REFERENCING OLD TABLE AS old_table FOR EACH STATEMENT
  EXECUTE FUNCTION insert_into_loose_foreign_keys_deleted_records('p_ci_pipelines');
CREATE TRIGGER ci_pipelines_loose_fk_trigger AFTER DELETE ON ci_pipelines
  REFERENCING OLD TABLE AS old_table FOR EACH STATEMENT
  EXECUTE FUNCTION insert_into_loose_foreign_keys_deleted_records('p_ci_pipelines');
CREATE TRIGGER p_ci_builds_loose_fk_trigger AFTER DELETE ON p_ci_builds
  REFERENCING OLD TABLE AS old_table FOR EACH STATEMENT
  EXECUTE FUNCTION insert_into_loose_foreign_keys_deleted_records('p_ci_builds');
CREATE TRIGGER ci_builds_loose_fk_trigger AFTER DELETE ON ci_builds
  REFERENCING OLD TABLE AS old_table FOR EACH STATEMENT
  EXECUTE FUNCTION insert_into_loose_foreign_keys_deleted_records('p_ci_builds');
CREATE TRIGGER ci_builds_101_loose_fk_trigger AFTER DELETE ON gitlab_partitions_dynamic.ci_builds_101
  REFERENCING OLD TABLE AS old_table FOR EACH STATEMENT
  EXECUTE FUNCTION insert_into_loose_foreign_keys_deleted_records('p_ci_builds');
CREATE TRIGGER ci_builds_102_loose_fk_trigger AFTER DELETE ON gitlab_partitions_dynamic.ci_builds_102
  REFERENCING OLD TABLE AS old_table FOR EACH STATEMENT
  EXECUTE FUNCTION insert_into_loose_foreign_keys_deleted_records('p_ci_builds');
