-- What each role of the pipeline may do in this database: columns of root tables, nothing else. No
-- grant on a partition or on gitlab_partitions_dynamic is needed: a query of the root is checked
-- there, and foreign keys cascade as the owner. Safe to repeat.
--
-- It only adds rights, and takes nobody's: in a database that began before PostgreSQL 15 GitLab's own role
-- may reach its tables by what PUBLIC has, and by nothing else.

GRANT USAGE ON SCHEMA public
  TO afterbuild_cdc, afterbuild_reader, afterbuild_deleter, afterbuild_archiver;

GRANT SELECT (id, partition_id, project_id, type, status, finished_at, erased_at)
  ON p_ci_builds TO afterbuild_cdc, afterbuild_reader;
GRANT SELECT (
  id, partition_id, project_id, job_id, file_type, size, created_at, expire_at,
  file, file_store, file_location, file_final_path, locked
) ON p_ci_job_artifacts TO afterbuild_cdc, afterbuild_reader, afterbuild_deleter;

-- The stale sweep looks for chunk rows of finished builds. The check compares claims with the bucket
-- and with Redis: live chunks, and objects that GitLab has promised to remove itself.
GRANT SELECT (id, partition_id, build_id, chunk_index, data_store)
  ON ci_build_trace_chunks TO afterbuild_reader;
GRANT SELECT (id, file_store, store_dir, file, pick_up_at)
  ON ci_deleted_objects TO afterbuild_reader;

GRANT DELETE ON p_ci_job_artifacts TO afterbuild_deleter;

-- The archiver. FOR UPDATE asks for UPDATE on some column: lock_version is the one that is granted, and
-- no statement writes it. An artifact's id comes from a trigger, which takes it from the sequence.
GRANT SELECT (id, partition_id, project_id, type, status, finished_at, erased_at),
      UPDATE (lock_version)
  ON p_ci_builds TO afterbuild_archiver;
GRANT SELECT (
        id, partition_id, project_id, job_id, file_type, size, created_at,
        file, file_store, file_sha256, file_location, file_final_path
      ),
      INSERT (
        partition_id, project_id, job_id, file_type, size, created_at, updated_at,
        file, file_store, file_sha256, file_location, file_final_path
      ),
      UPDATE (size, updated_at, file, file_store, file_sha256, file_location, file_final_path)
  ON p_ci_job_artifacts TO afterbuild_archiver;
GRANT USAGE ON SEQUENCE ci_job_artifacts_id_seq TO afterbuild_archiver;
GRANT SELECT (build_id, partition_id, trace_artifact_id, archived_at, checksum),
      INSERT (build_id, partition_id, project_id, trace_artifact_id, archived_at, checksum),
      UPDATE (trace_artifact_id, archived_at, checksum)
  ON p_ci_build_trace_metadata TO afterbuild_archiver;
-- The last three only for the Redis guard, which moves chunks into their rows where its flag says so.
GRANT SELECT (id, partition_id, build_id, chunk_index, data_store, raw_data, checksum, lock_version),
      UPDATE (lock_version, data_store, raw_data, checksum)
  ON ci_build_trace_chunks TO afterbuild_archiver;
GRANT SELECT (id, partition_id, build_id, trace_checksum, trace_bytesize)
  ON ci_build_pending_states TO afterbuild_archiver;
GRANT DELETE ON ci_build_trace_chunks, ci_build_pending_states TO afterbuild_archiver;
