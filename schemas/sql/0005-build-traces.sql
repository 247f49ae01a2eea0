-- Live and archived traces: chunks, the metadata of archiving (the third table that hangs on
-- artifacts), and the state that a runner reported while chunks were still being stored.

CREATE TABLE ci_build_trace_chunks (
  id bigserial PRIMARY KEY,
  chunk_index integer NOT NULL,
  data_store integer NOT NULL,
  raw_data bytea,
  checksum bytea,
  lock_version integer NOT NULL DEFAULT 0,
  build_id bigint NOT NULL,
  partition_id bigint NOT NULL,
  project_id bigint,
  CONSTRAINT check_project_id_not_null CHECK (project_id IS NOT NULL),
  CONSTRAINT fk_trace_chunks_build
    FOREIGN KEY (partition_id, build_id)
    REFERENCES p_ci_builds (partition_id, id) ON UPDATE CASCADE ON DELETE CASCADE
);

CREATE UNIQUE INDEX ci_build_trace_chunks_build_id_chunk_index_idx
  ON ci_build_trace_chunks (build_id, chunk_index);
CREATE INDEX ci_build_trace_chunks_partition_id_build_id_idx
  ON ci_build_trace_chunks (partition_id, build_id);
CREATE INDEX ci_build_trace_chunks_project_id_idx ON ci_build_trace_chunks (project_id);

CREATE TABLE p_ci_build_trace_metadata (
  build_id bigint NOT NULL,
  partition_id bigint NOT NULL,
  trace_artifact_id bigint,
  last_archival_attempt_at timestamp with time zone,
  archived_at timestamp with time zone,
  archival_attempts smallint NOT NULL DEFAULT 0,
  checksum bytea,
  remote_checksum bytea,
  project_id bigint NOT NULL,
  PRIMARY KEY (build_id, partition_id),
  CONSTRAINT fk_trace_metadata_build
    FOREIGN KEY (partition_id, build_id)
    REFERENCES p_ci_builds (partition_id, id) ON UPDATE CASCADE ON DELETE CASCADE,
  CONSTRAINT fk_trace_metadata_artifact
    FOREIGN KEY (partition_id, trace_artifact_id)
    REFERENCES p_ci_job_artifacts (partition_id, id) ON UPDATE CASCADE ON DELETE CASCADE
) PARTITION BY LIST (partition_id);

CREATE TABLE ci_build_trace_metadata
  PARTITION OF p_ci_build_trace_metadata FOR VALUES IN (100, 101, 102);

CREATE INDEX p_ci_build_trace_metadata_trace_artifact_id_idx
  ON p_ci_build_trace_metadata (trace_artifact_id);
CREATE INDEX p_ci_build_trace_metadata_project_id_idx ON p_ci_build_trace_metadata (project_id);

CREATE TABLE ci_build_pending_states (
  id bigserial PRIMARY KEY,
  created_at timestamp with time zone NOT NULL,
  updated_at timestamp with time zone NOT NULL,
  build_id bigint NOT NULL,
  state smallint,
  failure_reason smallint,
  trace_checksum bytea,
  trace_bytesize bigint,
  partition_id bigint NOT NULL,
  project_id bigint,
  CONSTRAINT check_project_id_not_null CHECK (project_id IS NOT NULL),
  CONSTRAINT fk_pending_states_build
    FOREIGN KEY (partition_id, build_id)
    REFERENCES p_ci_builds (partition_id, id) ON UPDATE CASCADE ON DELETE CASCADE
);

CREATE UNIQUE INDEX ci_build_pending_states_build_id_idx ON ci_build_pending_states (build_id);
CREATE INDEX ci_build_pending_states_project_id_idx ON ci_build_pending_states (project_id);
