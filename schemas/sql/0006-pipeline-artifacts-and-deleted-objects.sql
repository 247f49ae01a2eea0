-- What else in GitLab claims objects of the artifacts bucket: pipeline artifacts, and objects whose
-- rows GitLab itself has deleted and whose files it still has to remove.

CREATE TABLE ci_pipeline_artifacts (
  id bigserial PRIMARY KEY,
  created_at timestamp with time zone NOT NULL,
  updated_at timestamp with time zone NOT NULL,
  pipeline_id bigint NOT NULL,
  project_id bigint NOT NULL,
  size integer NOT NULL,
  file_store smallint NOT NULL DEFAULT 1,
  file_type smallint NOT NULL,
  file_format smallint NOT NULL,
  file text,
  expire_at timestamp with time zone,
  locked smallint DEFAULT 2,
  partition_id bigint NOT NULL,
  CONSTRAINT check_file_length CHECK (char_length(file) <= 255),
  CONSTRAINT fk_pipeline_artifacts_pipeline
    FOREIGN KEY (partition_id, pipeline_id)
    REFERENCES p_ci_pipelines (partition_id, id) ON UPDATE CASCADE ON DELETE CASCADE
);

CREATE UNIQUE INDEX ci_pipeline_artifacts_pipeline_id_file_type_idx
  ON ci_pipeline_artifacts (pipeline_id, file_type);
CREATE INDEX ci_pipeline_artifacts_expire_at_idx ON ci_pipeline_artifacts (expire_at);
CREATE INDEX ci_pipeline_artifacts_project_id_idx ON ci_pipeline_artifacts (project_id);

CREATE TABLE ci_deleted_objects (
  id bigserial PRIMARY KEY,
  file_store smallint NOT NULL DEFAULT 1,
  pick_up_at timestamp with time zone NOT NULL DEFAULT now(),
  store_dir text NOT NULL,
  file text NOT NULL,
  project_id bigint,
  created_at timestamp with time zone NOT NULL DEFAULT now(),
  CONSTRAINT check_store_dir_length CHECK (char_length(store_dir) <= 1024),
  CONSTRAINT check_project_id_not_null CHECK (project_id IS NOT NULL)
);

CREATE INDEX ci_deleted_objects_pick_up_at_idx ON ci_deleted_objects (pick_up_at);
CREATE INDEX ci_deleted_objects_project_id_idx ON ci_deleted_objects (project_id);
