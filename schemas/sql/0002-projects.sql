-- Projects, the schema of dynamic partitions, and the journal that GitLab's loose foreign keys write.

CREATE SCHEMA gitlab_partitions_dynamic;

-- A stand-in for GitLab's wide table: what the flows need of it is the id.
CREATE TABLE projects (
  id bigserial PRIMARY KEY,
  name character varying,
  path character varying,
  namespace_id bigint NOT NULL,
  created_at timestamp without time zone,
  updated_at timestamp without time zone,
  pending_delete boolean DEFAULT false
);

CREATE TABLE loose_foreign_keys_deleted_records (
  id bigserial NOT NULL,
  partition bigint NOT NULL DEFAULT 1,
  primary_key_value bigint NOT NULL,
  status smallint NOT NULL DEFAULT 1,
  created_at timestamp with time zone NOT NULL DEFAULT now(),
  fully_qualified_table_name text NOT NULL,
  consume_after timestamp with time zone DEFAULT now(),
  cleanup_attempts smallint DEFAULT 0,
  PRIMARY KEY (partition, id),
  CHECK (char_length(fully_qualified_table_name) <= 150)
) PARTITION BY LIST (partition);

CREATE TABLE gitlab_partitions_dynamic.loose_foreign_keys_deleted_records_1
  PARTITION OF loose_foreign_keys_deleted_records FOR VALUES IN (1);

-- Statement level: one insert for all rows that a DELETE took. The trigger's argument, where given,
-- names the root in place of the partition that the statement was sent to.
CREATE FUNCTION insert_into_loose_foreign_keys_deleted_records() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
  journalled text := TG_TABLE_SCHEMA || '.' || coalesce(TG_ARGV[0], TG_TABLE_NAME);
BEGIN
  INSERT INTO loose_foreign_keys_deleted_records (fully_qualified_table_name, primary_key_value)
  SELECT journalled, gone.id FROM old_table AS gone;
  RETURN NULL;
END
$$;

CREATE TRIGGER projects_loose_fk_trigger AFTER DELETE ON projects
  REFERENCING OLD TABLE AS old_table FOR EACH STATEMENT
  EXECUTE FUNCTION insert_into_loose_foreign_keys_deleted_records();
