/** The source database has GitLab's shapes, written down here apart from the SQL, and no others. */
import type { Client } from 'pg';
import { addPartition } from '../../ops/gitlab/schema';
import { SourceDatabase } from '../support/stack/source-database';
import { shapes } from './gitlab-columns';

const source = new SourceDatabase('source_schema');
let owner: Client;

beforeAll(async () => {
  await source.apply();
  await source.apply(); // twice is once
  owner = await source.connect('gitlab');
});

afterAll(async () => {
  await owner.end();
  await source.drop();
});

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

test('an id that the caller chose is overwritten by the trigger', async () => {
  const first = await source.anArtifact(owner, 100, null);
  expect(await source.anArtifact(owner, 100, 9_000_000)).toBe(first + 1);
});

test('a partition that comes later takes rows and journals deleted builds', async () => {
  await addPartition(owner, 103);
  const id = await source.anArtifact(owner, 103, null);
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
  const id = await source.anArtifact(owner, 101, null);
  const { rows } = await owner.query(
    `INSERT INTO ci_job_artifact_states (job_artifact_id, partition_id) VALUES ($1, 101)
     RETURNING project_id`,
    [id],
  );
  expect(rows).toEqual([{ project_id: '1' }]);
});
