/** The source database has GitLab's shapes, written down here apart from the SQL, and no others. */
import { Client, type ClientConfig } from 'pg';
import { addPartition, applySourceSchema, dropSourceDatabase } from '../../ops/gitlab/schema';
import { asSuperuser, currentStack, sourcePasswords, superuserConfig } from '../support/stack';

const stack = currentStack();
const admin = superuserConfig(stack);
const passwords = sourcePasswords(stack);
const database = `source_schema_${process.pid}`;
let owner: Client;

beforeAll(async () => {
  await applySourceSchema(admin, { database, passwords });
  await applySourceSchema(admin, { database, passwords }); // twice is once
  owner = await connect('gitlab');
});

afterAll(async () => {
  await owner.end();
  await dropSourceDatabase(admin, database);
});

type Role = keyof typeof passwords;

async function connect(role: Role, more: ClientConfig = {}): Promise<Client> {
  const client = new Client({ ...admin, user: role, password: passwords[role], database, ...more });
  await client.connect();
  return client;
}

/** `name type [not null] [default …]`, as the catalogue has it. */
async function columnsOf(table: string): Promise<string[]> {
  const { rows } = await owner.query<{ column: string }>(
    `SELECT concat_ws(' ', attname, format_type(atttypid, atttypmod),
       CASE WHEN attnotnull THEN 'not null' END, 'default ' || pg_get_expr(adbin, adrelid)) AS column
     FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
     WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attname`,
    [table],
  );
  return rows.map(({ column }) => column);
}

/** Index definitions without their names. */
async function indexesOf(table: string): Promise<string[]> {
  const { rows } = await owner.query<{ index: string }>(
    `SELECT (CASE WHEN indisprimary THEN 'primary ' WHEN indisunique THEN 'unique ' ELSE '' END)
       || regexp_replace(pg_get_indexdef(indexrelid), '^.* USING btree ', '') AS index
     FROM pg_index WHERE indrelid = $1::regclass`,
    [table],
  );
  return rows.map(({ index }) => index).sort();
}

async function foreignKeysOf(table: string): Promise<string[]> {
  const { rows } = await owner.query<{ key: string }>(
    `SELECT pg_get_constraintdef(oid) AS key FROM pg_constraint
     WHERE conrelid = $1::regclass AND contype = 'f' AND conparentid = 0`,
    [table],
  );
  return rows.map(({ key }) => key.replace('FOREIGN KEY ', '')).sort();
}

async function checksOf(table: string): Promise<string[]> {
  const { rows } = await owner.query<{ key: string }>(
    `SELECT pg_get_constraintdef(oid) AS key FROM pg_constraint
     WHERE conrelid = $1::regclass AND contype = 'c'`,
    [table],
  );
  return rows.map(({ key }) => key.replace('CHECK ', '')).sort();
}

const timestamptz = 'timestamp with time zone';
const timestamp = 'timestamp without time zone';
const varchar = 'character varying';
const columns = (names: string, type: string): string[] =>
  names.split(' ').map((name) => `${name} ${type}`);

const shapes: Record<string, readonly string[]> = {
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
};

test.each(Object.entries(shapes))('%s has the columns that GitLab has', async (table, expected) => {
  expect(await columnsOf(table)).toEqual([...expected].sort(byName));
});

function byName(a: string, b: string): number {
  const [nameA, nameB] = [a.split(' ')[0]!, b.split(' ')[0]!];
  return nameA < nameB ? -1 : 1;
}

test('artifacts carry all fourteen indexes', async () => {
  expect(await indexesOf('p_ci_job_artifacts')).toEqual(
    [
      'primary (id, partition_id)',
      'unique (job_id, file_type, partition_id)',
      '(expire_at) WHERE ((locked = 0) AND (file_type <> 3) AND (expire_at IS NOT NULL))',
      '(expire_at, job_id)',
      '(expire_at, job_id) WHERE ((locked = 2) AND (expire_at IS NOT NULL))',
      '(project_id, id)',
      '(project_id, created_at, id)',
      '(project_id, file_type, id)',
      '(file_store)',
      '(file_final_path) WHERE (file_final_path IS NOT NULL)',
      '(project_id) WHERE (file_type = 18)',
      '(project_id, id) WHERE (file_type = 18)',
      '(project_id) WHERE (file_type = ANY (ARRAY[5, 6, 7, 8]))',
      '(file_type, project_id, created_at) WHERE (file_type = ANY (ARRAY[5, 6, 8, 23]))',
    ].sort(),
  );
});

test('builds have no index on finished_at, and chunks only the three that GitLab has', async () => {
  const builds = await indexesOf('p_ci_builds');
  expect(builds).toContain('(project_id, id)');
  expect(builds).toContain('(status, type, runner_id)');
  expect(builds.filter((index) => index.includes('finished_at'))).toEqual([]);
  expect(await indexesOf('ci_build_trace_chunks')).toEqual([
    '(partition_id, build_id)',
    '(project_id)',
    'primary (id)',
    'unique (build_id, chunk_index)',
  ]);
  expect(await indexesOf('p_ci_pipelines')).toContain('(ci_ref_id, id) WHERE (locked = 1)');
});

const cascade = 'ON UPDATE CASCADE ON DELETE CASCADE';

test('three tables hang on an artifact, and the artifact on its build', async () => {
  const onArtifact = 'REFERENCES p_ci_job_artifacts(partition_id, id)';
  const onBuild = 'REFERENCES p_ci_builds(partition_id, id)';
  expect(await foreignKeysOf('p_ci_job_artifacts')).toEqual([
    `(partition_id, job_id) ${onBuild} ${cascade}`,
  ]);
  expect(await foreignKeysOf('ci_job_artifact_states')).toEqual([
    `(partition_id, job_artifact_id) ${onArtifact} ${cascade}`,
  ]);
  expect(await foreignKeysOf('p_ci_job_artifact_reports')).toEqual([
    `(partition_id, job_artifact_id) ${onArtifact} ${cascade}`,
  ]);
  expect(await foreignKeysOf('p_ci_build_trace_metadata')).toEqual([
    `(partition_id, build_id) ${onBuild} ${cascade}`,
    `(partition_id, trace_artifact_id) ${onArtifact} ${cascade}`,
  ]);
  for (const table of ['ci_build_trace_chunks', 'ci_build_pending_states']) {
    expect(await foreignKeysOf(table)).toEqual([`(partition_id, build_id) ${onBuild} ${cascade}`]);
  }
});

test('what must not be null without being NOT NULL is checked', async () => {
  expect(await checksOf('p_ci_job_artifacts')).toEqual([
    '((char_length(exposed_as) <= 100))',
    '((char_length(file_final_path) <= 1024))',
    '((file_store IS NOT NULL))',
  ]);
  expect(await checksOf('p_ci_builds')).toEqual([
    '((lock_version IS NOT NULL))',
    '((project_id IS NOT NULL))',
  ]);
});

test('the old names are partitions, one of which holds two partition_ids', async () => {
  const { rows } = await owner.query<{ partition: string; bound: string }>(
    `SELECT inhrelid::regclass::text AS partition, pg_get_expr(relpartbound, oid) AS bound
     FROM pg_inherits JOIN pg_class ON oid = inhrelid
     WHERE inhparent = ANY(ARRAY['p_ci_builds', 'p_ci_pipelines', 'p_ci_job_artifacts',
       'p_ci_build_trace_metadata']::regclass[]) ORDER BY 1`,
  );
  const bounds = Object.fromEntries(rows.map(({ partition, bound }) => [partition, bound]));
  expect(bounds).toMatchObject({
    ci_builds: "FOR VALUES IN ('100')",
    ci_pipelines: "FOR VALUES IN ('100', '101', '102')",
    ci_job_artifacts: "FOR VALUES IN ('100', '101')",
    ci_build_trace_metadata: "FOR VALUES IN ('100', '101', '102')",
    'gitlab_partitions_dynamic.ci_builds_101': "FOR VALUES IN ('101')",
    'gitlab_partitions_dynamic.ci_job_artifacts_102': "FOR VALUES IN ('102')",
  });
});

test('no table and no column of the pipeline is there', async () => {
  const { rows } = await owner.query<{ table: string }>(
    `SELECT relname AS table FROM pg_class WHERE relkind IN ('r', 'p')
       AND relnamespace::regnamespace::text IN ('public', 'gitlab_partitions_dynamic')
       AND relname !~ '^(p_)?ci_|^projects$|^loose_foreign_keys_'`,
  );
  expect(rows).toEqual([]);
});

test('the publication lists the columns with the key, inserts and updates only', async () => {
  const { rows } = await owner.query<{ tablename: string; attnames: string; rowfilter: unknown }>(
    `SELECT tablename, array_to_string(ARRAY(SELECT unnest(attnames) ORDER BY 1), ' ') AS attnames,
       rowfilter FROM pg_publication_tables WHERE pubname = 'afterbuild' ORDER BY 1`,
  );
  expect(rows).toEqual([
    {
      tablename: 'p_ci_builds',
      attnames: 'erased_at finished_at id partition_id project_id status type',
      rowfilter: null,
    },
    {
      tablename: 'p_ci_job_artifacts',
      attnames:
        'created_at expire_at file file_final_path file_location file_store file_type id job_id ' +
        'locked partition_id project_id size',
      rowfilter: null,
    },
  ]);
  const { rows: kinds } = await owner.query(
    `SELECT pubinsert, pubupdate, pubdelete, pubtruncate, pubviaroot, puballtables,
       pubowner::regrole::text AS owner FROM pg_publication`,
  );
  expect(kinds).toEqual([
    {
      pubinsert: true,
      pubupdate: true,
      pubdelete: false,
      pubtruncate: false,
      pubviaroot: true,
      puballtables: false,
      owner: 'gitlab',
    },
  ]);
});

const insertPipeline = `INSERT INTO p_ci_pipelines (partition_id, project_id) VALUES ($1, 1)
  RETURNING id`;
const insertBuild = `INSERT INTO p_ci_builds (partition_id, project_id, commit_id) VALUES ($1, 1, $2)
  RETURNING id`;
const insertArtifact = `INSERT INTO p_ci_job_artifacts
    (id, partition_id, project_id, job_id, file_type, created_at, updated_at)
  VALUES ($1, $2, 1, $3, 1, now(), now()) RETURNING id`;

async function anArtifact(partitionId: number, id: number | null): Promise<number> {
  const pipeline = await owner.query<{ id: string }>(insertPipeline, [partitionId]);
  const build = await owner.query<{ id: string }>(insertBuild, [partitionId, pipeline.rows[0]!.id]);
  const values = [id, partitionId, build.rows[0]!.id];
  const artifact = await owner.query<{ id: string }>(insertArtifact, values);
  return Number(artifact.rows[0]!.id);
}

test('an id that the caller chose is overwritten by the trigger', async () => {
  const first = await anArtifact(100, null);
  expect(await anArtifact(100, 9_000_000)).toBe(first + 1);
});

test('a partition that comes later takes rows and journals deleted builds', async () => {
  await addPartition(owner, 103);
  const id = await anArtifact(103, null);
  const { rows } = await owner.query(
    'SELECT tableoid::regclass::text AS partition FROM p_ci_job_artifacts WHERE id = $1',
    [id],
  );
  expect(rows).toEqual([{ partition: 'gitlab_partitions_dynamic.ci_job_artifacts_103' }]);
  await owner.query('DELETE FROM p_ci_builds WHERE partition_id = 103');
  const { rowCount } = await owner.query(
    `SELECT FROM loose_foreign_keys_deleted_records
     WHERE fully_qualified_table_name = 'public.p_ci_builds'`,
  );
  expect(rowCount).toBe(1);
  await expect(
    owner.query('SELECT FROM p_ci_job_artifacts WHERE id = $1', [id]),
  ).resolves.toMatchObject({ rowCount: 0 });
});

test('a Geo state takes its project from the artifact', async () => {
  const id = await anArtifact(101, null);
  const { rows } = await owner.query(
    `INSERT INTO ci_job_artifact_states (job_artifact_id, partition_id) VALUES ($1, 101)
     RETURNING project_id`,
    [id],
  );
  expect(rows).toEqual([{ project_id: '1' }]);
});

const denied = '42501';
const forbiddenToAll = [
  'INSERT INTO p_ci_job_artifacts (partition_id, project_id, job_id, file_type, created_at, updated_at) VALUES (100, 1, 1, 1, now(), now())',
  'UPDATE p_ci_job_artifacts SET locked = 0',
  'SELECT file_sha256 FROM p_ci_job_artifacts',
  'TRUNCATE p_ci_job_artifacts',
  'DELETE FROM p_ci_builds',
  'SELECT token_encrypted FROM p_ci_builds',
  'UPDATE p_ci_builds SET status = status',
  'SELECT id FROM p_ci_pipelines',
  'SELECT id FROM projects',
  'SELECT build_id FROM p_ci_build_trace_metadata',
  'SELECT id FROM ci_build_pending_states',
  'SELECT raw_data FROM ci_build_trace_chunks',
  'DELETE FROM ci_build_trace_chunks',
  'DELETE FROM ci_deleted_objects',
  'SELECT id FROM gitlab_partitions_dynamic.ci_job_artifacts_102',
  'SELECT id FROM ci_job_artifacts',
  "SELECT nextval('ci_job_artifacts_id_seq')",
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
const forbidden: Record<Exclude<Role, 'gitlab'>, readonly string[]> = {
  afterbuild_cdc: ['DELETE FROM p_ci_job_artifacts', 'SELECT commit_id FROM p_ci_builds'],
  afterbuild_reader: ['DELETE FROM p_ci_job_artifacts', 'SELECT id FROM p_ci_builds'],
  afterbuild_deleter: ['SELECT id FROM ci_deleted_objects', 'SELECT id FROM p_ci_builds'],
};

test.each(Object.keys(forbidden) as (keyof typeof forbidden)[])(
  '%s is refused whatever it does not need',
  async (role) => {
    const client = await connect(role);
    try {
      for (const statement of [...forbiddenToAll, ...forbidden[role]]) {
        const outcome = await client.query(statement).then(
          () => 'allowed',
          (error: unknown) => (error as { code?: string }).code,
        );
        expect([statement, outcome]).toEqual([statement, denied]);
      }
    } finally {
      await client.end();
    }
  },
);

test('the sweep and the delete run with what their roles have', async () => {
  const reader = await connect('afterbuild_reader');
  await reader.query(
    `SELECT expire_at, id, partition_id, project_id, job_id, created_at, file, file_store,
       file_location, file_final_path, size, file_type FROM p_ci_job_artifacts
     WHERE partition_id IN (100, 101) AND locked = 0 AND file_type <> 3 AND expire_at <= now()`,
  );
  await reader.query('SELECT build_id, chunk_index, data_store FROM ci_build_trace_chunks');
  await reader.end();

  const id = await anArtifact(100, null);
  await owner.query(
    `UPDATE p_ci_job_artifacts SET locked = 0, expire_at = now() - interval '1 hour' WHERE id = $1`,
    [id],
  );
  const deleter = await connect('afterbuild_deleter');
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

test('the CDC role streams this database, but cannot copy the cluster', async () => {
  const logical = await connect('afterbuild_cdc', { replication: 'database' } as ClientConfig);
  await logical.query('IDENTIFY_SYSTEM');
  await logical.end();
  const physical = connect('afterbuild_cdc', { replication: 'true' } as ClientConfig);
  await expect(physical).rejects.toMatchObject({ code: '28000' });
});

test('no role of the pipeline is a superuser or owns anything', async () => {
  const rows = await asSuperuser(stack, database, async (client) => {
    const result = await client.query<{ rolname: string }>(
      `SELECT rolname FROM pg_roles WHERE rolname LIKE 'afterbuild%' AND (rolsuper OR rolcreatedb
         OR rolcreaterole OR rolbypassrls OR (rolreplication AND rolname <> 'afterbuild_cdc')
         OR EXISTS (SELECT FROM pg_class WHERE relowner = pg_roles.oid))`,
    );
    return result.rows;
  });
  expect(rows).toEqual([]);
});
