-- What Debezium streams: listed columns of two roots, inserts and updates only, so that our own
-- deletes never come back as events. Made by the tables' owner. Each list holds the replica identity
-- (id, partition_id): a list without it, or a row filter, would make GitLab's own UPDATEs fail.

CREATE PUBLICATION afterbuild FOR TABLE
  p_ci_builds (id, partition_id, project_id, type, status, finished_at, erased_at),
  p_ci_job_artifacts (
    id, partition_id, project_id, job_id, file_type, size, created_at, expire_at,
    file, file_store, file_location, file_final_path, locked
  )
WITH (publish = 'insert, update', publish_via_partition_root = true);
