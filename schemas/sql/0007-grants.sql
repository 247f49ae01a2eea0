-- What each role of the pipeline may do in this database: columns of root tables, nothing else. No
-- grant on a partition or on gitlab_partitions_dynamic is needed: a query of the root is checked
-- there, and foreign keys cascade as the owner. Safe to repeat.

REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO afterbuild_cdc, afterbuild_reader, afterbuild_deleter;

GRANT SELECT (id, partition_id, project_id, type, status, finished_at, erased_at)
  ON p_ci_builds TO afterbuild_cdc;
GRANT SELECT (
  id, partition_id, project_id, job_id, file_type, size, created_at, expire_at,
  file, file_store, file_location, file_final_path, locked
) ON p_ci_job_artifacts TO afterbuild_cdc, afterbuild_reader, afterbuild_deleter;

-- The check compares claims with the bucket and with Redis: live chunks, and objects that GitLab
-- has promised to remove itself.
GRANT SELECT (id, partition_id, build_id, chunk_index, data_store)
  ON ci_build_trace_chunks TO afterbuild_reader;
GRANT SELECT (id, file_store, store_dir, file, pick_up_at)
  ON ci_deleted_objects TO afterbuild_reader;

GRANT DELETE ON p_ci_job_artifacts TO afterbuild_deleter;
