/** Each role of the pipeline can do what its process does, and nothing else. */
import type { Client, ClientConfig } from 'pg';
import { sqlFile } from '../../ops/gitlab/schema';
import { SourceDatabase } from '../support/stack/source-database';

const source = new SourceDatabase('source_roles');
const pipelineRoles = [
  'afterbuild_cdc',
  'afterbuild_reader',
  'afterbuild_deleter',
  'afterbuild_archiver',
] as const;
let owner: Client;

beforeAll(async () => {
  await source.apply();
  owner = await source.connect('gitlab');
});

afterAll(async () => {
  await owner.end();
  await source.drop();
});

const denied = '42501';
/** The rights of the archiver alone. */
const forbiddenToOthers = [
  'INSERT INTO p_ci_job_artifacts (partition_id, project_id, job_id, file_type, created_at, updated_at) VALUES (100, 1, 1, 1, now(), now())',
  'UPDATE p_ci_job_artifacts SET size = 0',
  'SELECT file_sha256 FROM p_ci_job_artifacts',
  'SELECT build_id FROM p_ci_build_trace_metadata',
  'INSERT INTO p_ci_build_trace_metadata (build_id, partition_id, project_id) VALUES (1, 100, 1)',
  'SELECT id FROM ci_build_pending_states',
  'DELETE FROM ci_build_pending_states',
  'SELECT raw_data FROM ci_build_trace_chunks',
  'DELETE FROM ci_build_trace_chunks',
  'UPDATE ci_build_trace_chunks SET raw_data = NULL',
  'UPDATE p_ci_builds SET lock_version = 0',
  "SELECT nextval('ci_job_artifacts_id_seq')",
];
const forbiddenToAll = [
  'UPDATE p_ci_job_artifacts SET locked = 0',
  'TRUNCATE p_ci_job_artifacts',
  'DELETE FROM p_ci_builds',
  'SELECT token_encrypted FROM p_ci_builds',
  'UPDATE p_ci_builds SET status = status',
  'SELECT id FROM p_ci_pipelines',
  'SELECT id FROM projects',
  'UPDATE ci_build_trace_chunks SET chunk_index = 0',
  'INSERT INTO ci_build_trace_chunks (build_id, partition_id, chunk_index, data_store) VALUES (1, 100, 0, 2)',
  'DELETE FROM p_ci_build_trace_metadata',
  'DELETE FROM ci_deleted_objects',
  'SELECT id FROM gitlab_partitions_dynamic.ci_job_artifacts_102',
  'SELECT id FROM ci_job_artifacts',
  "SELECT setval('ci_job_artifacts_id_seq', 1)",
  'CREATE TABLE mine (id int)',
  'CREATE TEMPORARY TABLE mine (id int)',
  'CREATE SCHEMA mine',
  'CREATE PUBLICATION mine FOR TABLE p_ci_builds',
  'DROP PUBLICATION afterbuild',
  'CREATE ROLE mine',
  'CREATE DATABASE mine',
  'SET ROLE gitlab',
  "SET session_replication_role = 'replica'",
  "SELECT pg_read_file('postgresql.conf')",
];
const forbidden: Record<string, readonly string[]> = {
  afterbuild_cdc: ['DELETE FROM p_ci_job_artifacts', 'SELECT commit_id FROM p_ci_builds'],
  afterbuild_reader: [
    'DELETE FROM p_ci_job_artifacts',
    'SELECT commit_id FROM p_ci_builds',
    'SELECT id FROM p_ci_builds FOR UPDATE',
    'SELECT checksum FROM ci_build_trace_chunks',
  ],
  afterbuild_deleter: ['SELECT id FROM ci_deleted_objects', 'SELECT id FROM p_ci_builds'],
  afterbuild_archiver: [
    'DELETE FROM p_ci_job_artifacts',
    'UPDATE p_ci_job_artifacts SET job_id = job_id',
    'SELECT expire_at FROM p_ci_job_artifacts',
    'SELECT id FROM ci_deleted_objects',
    'SELECT commit_id FROM p_ci_builds',
  ],
};

test.each(pipelineRoles)('%s is refused everything that it does not need', async (role) => {
  const client = await source.connect(role);
  try {
    const others = role === 'afterbuild_archiver' ? [] : forbiddenToOthers;
    for (const statement of [...forbiddenToAll, ...others, ...forbidden[role]!]) {
      const outcome = await client.query(statement).then(
        () => 'allowed',
        (error: unknown) => (error as { code?: string }).code,
      );
      expect([statement, outcome]).toEqual([statement, denied]);
    }
  } finally {
    await client.end();
  }
});

test('the sweep and the delete run with what their roles have', async () => {
  const reader = await source.connect('afterbuild_reader');
  await reader.query(
    `SELECT expire_at, id, partition_id, project_id, job_id, created_at, file, file_store,
       file_location, file_final_path, size, file_type FROM p_ci_job_artifacts
     WHERE partition_id IN (100, 101) AND locked = 0 AND file_type <> 3 AND expire_at <= now()`,
  );
  await reader.query('SELECT build_id, chunk_index, data_store FROM ci_build_trace_chunks');
  await reader.end();

  const id = await source.anArtifact(owner, 100, null);
  await owner.query(
    `UPDATE p_ci_job_artifacts SET locked = 0, expire_at = now() - interval '1 hour' WHERE id = $1`,
    [id],
  );
  const deleter = await source.connect('afterbuild_deleter');
  const { rowCount } = await deleter.query(
    `DELETE FROM p_ci_job_artifacts WHERE id = ANY($1) AND partition_id = 100 AND locked = 0
       AND file_type <> 3 AND expire_at < now() RETURNING id, file, file_final_path`,
    [[id]],
  );
  await deleter.query('SELECT system_identifier FROM pg_control_system()');
  await deleter.query(
    'SELECT pg_is_in_recovery(), pg_current_wal_lsn(), timeline_id FROM pg_control_checkpoint()',
  );
  await deleter.end();
  expect(rowCount).toBe(1);
});

/** The schema of a database that was upgraded from before PostgreSQL 15: the superuser's, open to every role. */
const asBefore15 =
  'ALTER SCHEMA public OWNER TO CURRENT_USER; GRANT ALL ON SCHEMA public TO PUBLIC';

test('the grants take no right from any role: where GitLab reaches its tables by PUBLIC’s, it still does', async () => {
  const upgraded = new SourceDatabase('source_upgraded');
  await upgraded.apply();
  const gitlab = await upgraded.connect('gitlab');
  try {
    await upgraded.asSuperuser(async (client) => {
      await client.query(asBefore15);
      await client.query(sqlFile('0007'));
    });
    await expect(gitlab.query('SELECT id FROM p_ci_builds')).resolves.toMatchObject({ rows: [] });
    await gitlab.query('CREATE TABLE public.migrated (id int)');
  } finally {
    await gitlab.end();
    await upgraded.drop();
  }
});

test('the CDC role streams this database, but cannot copy the cluster', async () => {
  const logical = await source.connect('afterbuild_cdc', {
    replication: 'database',
  } as ClientConfig);
  await logical.query('IDENTIFY_SYSTEM');
  await logical.end();
  const physical = source.connect('afterbuild_cdc', { replication: 'true' } as ClientConfig);
  await expect(physical).rejects.toMatchObject({ code: '28000' });
});

test('no role of the pipeline is a superuser or owns anything', async () => {
  const rows = await source.asSuperuser(async (client) => {
    const result = await client.query<{ rolname: string }>(
      `SELECT rolname FROM pg_roles WHERE rolname LIKE 'afterbuild%' AND (rolsuper OR rolcreatedb
         OR rolcreaterole OR rolbypassrls OR (rolreplication AND rolname <> 'afterbuild_cdc')
         OR EXISTS (SELECT FROM pg_class WHERE relowner = pg_roles.oid))`,
    );
    return result.rows;
  });
  expect(rows).toEqual([]);
});
