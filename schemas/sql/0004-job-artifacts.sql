-- Job artifacts with all their indexes, and two of the three tables that hang on them. The physical
-- partition ci_job_artifacts holds two partition_ids: a partition is not a partition_id.

CREATE SEQUENCE ci_job_artifacts_id_seq;

CREATE TABLE p_ci_job_artifacts (
  project_id bigint NOT NULL,
  file_type integer NOT NULL,
  size bigint,
  created_at timestamp with time zone NOT NULL,
  updated_at timestamp with time zone NOT NULL,
  expire_at timestamp with time zone,
  file character varying,
  file_store integer DEFAULT 1,
  file_sha256 bytea,
  file_format smallint,
  file_location smallint,
  id bigint NOT NULL,
  job_id bigint NOT NULL,
  locked smallint DEFAULT 2,
  partition_id bigint NOT NULL,
  accessibility smallint NOT NULL DEFAULT 0,
  file_final_path text,
  exposed_as text,
  exposed_paths text[],
  PRIMARY KEY (id, partition_id),
  CONSTRAINT check_file_store_not_null CHECK (file_store IS NOT NULL),
  CONSTRAINT check_file_final_path_length CHECK (char_length(file_final_path) <= 1024),
  CONSTRAINT check_exposed_as_length CHECK (char_length(exposed_as) <= 100)
) PARTITION BY LIST (partition_id);

CREATE TABLE ci_job_artifacts PARTITION OF p_ci_job_artifacts FOR VALUES IN (100, 101);
CREATE TABLE gitlab_partitions_dynamic.ci_job_artifacts_102
  PARTITION OF p_ci_job_artifacts FOR VALUES IN (102);

CREATE UNIQUE INDEX p_ci_job_artifacts_job_id_file_type_partition_id_idx
  ON p_ci_job_artifacts (job_id, file_type, partition_id);
-- The index of the deletion: its predicate is what a sweep must repeat.
CREATE INDEX p_ci_job_artifacts_expire_at_idx ON p_ci_job_artifacts (expire_at)
  WHERE locked = 0 AND file_type <> 3 AND expire_at IS NOT NULL;
CREATE INDEX p_ci_job_artifacts_expire_at_job_id_idx ON p_ci_job_artifacts (expire_at, job_id);
CREATE INDEX tmp_p_ci_job_artifacts_expire_at_job_id_locked_unknown_idx
  ON p_ci_job_artifacts (expire_at, job_id) WHERE locked = 2 AND expire_at IS NOT NULL;
CREATE INDEX p_ci_job_artifacts_project_id_id_idx ON p_ci_job_artifacts (project_id, id);
CREATE INDEX p_ci_job_artifacts_project_id_created_at_id_idx
  ON p_ci_job_artifacts (project_id, created_at, id);
CREATE INDEX p_ci_job_artifacts_project_id_file_type_id_idx
  ON p_ci_job_artifacts (project_id, file_type, id);
CREATE INDEX p_ci_job_artifacts_file_store_idx ON p_ci_job_artifacts (file_store);
CREATE INDEX p_ci_job_artifacts_file_final_path_idx ON p_ci_job_artifacts (file_final_path)
  WHERE file_final_path IS NOT NULL;
CREATE INDEX p_ci_job_artifacts_terraform_project_id_idx ON p_ci_job_artifacts (project_id)
  WHERE file_type = 18;
CREATE INDEX p_ci_job_artifacts_terraform_project_id_id_idx ON p_ci_job_artifacts (project_id, id)
  WHERE file_type = 18;
CREATE INDEX p_ci_job_artifacts_security_project_id_idx ON p_ci_job_artifacts (project_id)
  WHERE file_type IN (5, 6, 7, 8);
CREATE INDEX p_ci_job_artifacts_file_type_project_id_created_at_idx
  ON p_ci_job_artifacts (file_type, project_id, created_at) WHERE file_type IN (5, 6, 8, 23);

ALTER TABLE p_ci_job_artifacts
  ADD CONSTRAINT fk_artifacts_build
  FOREIGN KEY (partition_id, job_id)
  REFERENCES p_ci_builds (partition_id, id) ON UPDATE CASCADE ON DELETE CASCADE;

CREATE TRIGGER assign_p_ci_job_artifacts_id_trigger BEFORE INSERT ON p_ci_job_artifacts
  FOR EACH ROW EXECUTE FUNCTION assign_id_value('ci_job_artifacts_id_seq');

-- Geo's verification state: not partitioned, one row an artifact at most.
CREATE TABLE ci_job_artifact_states (
  verification_started_at timestamp with time zone,
  verification_retry_at timestamp with time zone,
  verified_at timestamp with time zone,
  job_artifact_id bigint NOT NULL PRIMARY KEY,
  verification_state smallint NOT NULL DEFAULT 0,
  verification_retry_count smallint,
  verification_checksum bytea,
  verification_failure text,
  partition_id bigint NOT NULL,
  project_id bigint,
  CONSTRAINT check_verification_failure_length CHECK (char_length(verification_failure) <= 255),
  CONSTRAINT fk_artifact_states_artifact
    FOREIGN KEY (partition_id, job_artifact_id)
    REFERENCES p_ci_job_artifacts (partition_id, id) ON UPDATE CASCADE ON DELETE CASCADE
);

CREATE INDEX ci_job_artifact_states_partition_id_job_artifact_id_idx
  ON ci_job_artifact_states (partition_id, job_artifact_id);
CREATE INDEX ci_job_artifact_states_project_id_idx ON ci_job_artifact_states (project_id);
CREATE INDEX ci_job_artifact_states_pending_idx ON ci_job_artifact_states (verified_at NULLS FIRST)
  WHERE verification_state = 0;
CREATE INDEX ci_job_artifact_states_failed_idx
  ON ci_job_artifact_states (verification_retry_at NULLS FIRST) WHERE verification_state = 3;

-- Fills the sharding key from the artifact when the caller left it out.
CREATE FUNCTION fill_ci_job_artifact_states_project_id() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.project_id IS NULL THEN
    SELECT artifact.project_id INTO NEW.project_id
    FROM p_ci_job_artifacts AS artifact
    WHERE artifact.id = NEW.job_artifact_id AND artifact.partition_id = NEW.partition_id;
  END IF;
  RETURN NEW;
END
$$;

CREATE TRIGGER ci_job_artifact_states_project_id_trigger
  BEFORE INSERT OR UPDATE ON ci_job_artifact_states
  FOR EACH ROW EXECUTE FUNCTION fill_ci_job_artifact_states_project_id();

CREATE TABLE p_ci_job_artifact_reports (
  job_artifact_id bigint NOT NULL,
  project_id bigint NOT NULL,
  partition_id bigint NOT NULL,
  status smallint NOT NULL,
  validation_error text,
  PRIMARY KEY (job_artifact_id, partition_id),
  CONSTRAINT check_validation_error_length CHECK (char_length(validation_error) <= 255),
  CONSTRAINT fk_artifact_reports_artifact
    FOREIGN KEY (partition_id, job_artifact_id)
    REFERENCES p_ci_job_artifacts (partition_id, id) ON UPDATE CASCADE ON DELETE CASCADE
) PARTITION BY LIST (partition_id);

CREATE TABLE gitlab_partitions_dynamic.ci_job_artifact_reports_100
  PARTITION OF p_ci_job_artifact_reports FOR VALUES IN (100, 101);
CREATE TABLE gitlab_partitions_dynamic.ci_job_artifact_reports_102
  PARTITION OF p_ci_job_artifact_reports FOR VALUES IN (102);

CREATE INDEX p_ci_job_artifact_reports_project_id_idx ON p_ci_job_artifact_reports (project_id);
