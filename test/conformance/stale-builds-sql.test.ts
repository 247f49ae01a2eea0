/** The statements of the stale sweep against a real PostgreSQL: what they find, and by which index. */
import type { Client } from 'pg';
import { byKeyset, PostgresBuildDatabase, stalePage } from '../../lib/stores/postgres/stale-builds';
import { PostgresPool } from '../../lib/stores/postgres/pool';
import { cloneSourceDatabase, dropSourceDatabase } from '../../ops/gitlab/schema';
import { cursorAtStart, settlePage } from '../../producers/finished-builds/page';
import {
  asSuperuser,
  currentStack,
  sourcePasswords,
  superuserConfig,
  templateDatabase,
} from '../support/stack/stack';

const database = `stalesql${process.pid}`;
const stack = currentStack();
const ageMs = 12 * 3_600_000;
let pool: PostgresPool;
let builds: PostgresBuildDatabase;

/** 60,000 builds in three partition_ids, of which a third has one to three chunks; 102 has few. */
const rows = `
  INSERT INTO p_ci_builds (id, partition_id, project_id, commit_id, type, status, finished_at, erased_at)
  SELECT i, CASE WHEN i % 100 = 3 THEN 102 ELSE 100 + i % 2 END, 1 + i % 50, 1,
    CASE WHEN i % 30 = 0 THEN 'Ci::Bridge' ELSE 'Ci::Build' END,
    (ARRAY['success', 'failed', 'canceled', 'running', 'skipped'])[1 + i / 3 % 5],
    CASE WHEN i / 3 % 5 = 3 THEN NULL ELSE (now() AT TIME ZONE 'utc') - (i % 48) * interval '1 hour' END,
    CASE WHEN i % 39 = 0 THEN now() AT TIME ZONE 'utc' END
  FROM generate_series(1, 60000) AS i;
  INSERT INTO ci_build_trace_chunks (build_id, partition_id, project_id, chunk_index, data_store)
  SELECT b.id, b.partition_id, b.project_id, n, 4
  FROM p_ci_builds AS b, generate_series(0, b.id % 3) AS n WHERE b.id % 3 = 0 OR b.id % 100 = 3`;
const due = `type = 'Ci::Build' AND status IN ('success', 'failed', 'canceled') AND erased_at IS NULL
  AND finished_at < (now() AT TIME ZONE 'utc') - interval '12 hours'
  AND EXISTS (SELECT FROM ci_build_trace_chunks WHERE build_id = p_ci_builds.id)`;

/** Without foreign keys and triggers: ids are given, pipelines do not matter here. */
function asOwner<T>(work: (client: Client) => Promise<T>): Promise<T> {
  return asSuperuser(stack, database, async (client) => {
    await client.query('SET session_replication_role = replica');
    return work(client);
  });
}

beforeAll(async () => {
  await cloneSourceDatabase(superuserConfig(stack), { template: templateDatabase, database });
  await asOwner(async (client) => {
    await client.query(rows);
    // finished_at has no time zone: nothing may depend on the session's.
    await client.query(
      `ALTER ROLE afterbuild_reader IN DATABASE ${database} SET timezone = 'Asia/Tokyo'`,
    );
  });
  const { host, port } = stack.addresses.postgres;
  pool = new PostgresPool({
    ...{ host, port, database, user: 'afterbuild_reader', tlsCa: undefined },
    password: sourcePasswords(stack).afterbuild_reader,
    applicationName: 'conformance',
    connectionsMax: 2,
    connectTimeoutMs: 10_000,
    statementTimeoutMs: 30_000,
    lockTimeoutMs: 5_000,
    planCacheMode: 'auto',
  });
  builds = new PostgresBuildDatabase(pool);
}, 60_000);

afterAll(async () => {
  await pool.close();
  await dropSourceDatabase(superuserConfig(stack), database);
}, 60_000);

async function pass(slice: number, slices: number, buildsMax: number): Promise<string[]> {
  const found: string[] = [];
  let cursor = cursorAtStart;
  for (let complete = false; !complete;) {
    const { partitionId, buildId: afterBuildId } = cursor;
    const read = { partitionId, afterBuildId, slice, slices, buildsMax, ageMs };
    const page = await builds.readPage(read);
    for (const build of page.builds) {
      if (build.due) found.push(`${partitionId}:${build.buildId} ${build.due.status}`);
    }
    ({ cursor, complete } = settlePage(cursor, page, buildsMax));
  }
  return found;
}

test.each([
  [1, 1_000],
  [5, 300],
])('%i slices in pages of %i find every stale build once', async (slices, buildsMax) => {
  const found: string[] = [];
  for (let slice = 0; slice < slices; slice += 1) {
    found.push(...(await pass(slice, slices, buildsMax)));
  }
  const expected = await asOwner((client) =>
    client.query<{ key: string }>(
      `SELECT partition_id || ':' || id || ' ' || status AS key FROM p_ci_builds WHERE ${due}`,
    ),
  );
  expect(expected.rows.length).toBeGreaterThan(5_000);
  expect(found.sort()).toEqual(expected.rows.map(({ key }) => key).sort());
});

test('an end that says nothing does not keep a build from being due, nor its neighbours', async () => {
  const ends = [
    `'infinity'`,
    `now() + interval '10 years'`,
    'NULL',
    `'-infinity'`,
    `'0044-03-15 BC'`,
  ];
  const ids = [1, 2, 4, 5, 7];
  const odd = ['-7', '0', '9007199254740993'];
  await asOwner(async (client) => {
    for (const [at, end] of ends.entries()) await client.query(aBuild(String(ids[at]), end));
    for (const id of odd) await client.query(aBuild(id, `'2020-01-01'`));
    await client.query(aBuild('8', `'2020-01-01'`, '9223372036854775807'));
  });
  const read = { partitionId: 102, afterBuildId: 0, slice: 0, slices: 1, buildsMax: 100, ageMs };
  const { builds: found, odd: aside } = await builds.readPage(read);
  const recent = expect.closeTo(Date.now(), -6) as number;
  expect(
    found
      .filter(({ buildId }) => buildId < 10 && buildId !== 3)
      .map(({ buildId, due: end }) => [buildId, end?.finishedAtMs]),
  ).toEqual([
    ...[1, 2, 4].map((id) => [id, recent]),
    ...[5, 7].map((id) => [id, 0]),
    [8, undefined],
  ]);
  expect(aside.map(({ id, field }) => `${id} ${field}`).sort()).toEqual(
    [...odd.map((id) => `102:${id} build_id`), '102:8 project_id'].sort(),
  );
  await asOwner((client) =>
    client.query(
      `DELETE FROM ci_build_trace_chunks WHERE partition_id = 102 AND build_id NOT BETWEEN 9 AND 60000
         AND build_id <> 3;
       DELETE FROM p_ci_builds WHERE partition_id = 102 AND id NOT BETWEEN 9 AND 60000 AND id <> 3`,
    ),
  );
});

const aBuild = (id: string, end: string, project = '1'): string => `
  INSERT INTO p_ci_builds (id, partition_id, project_id, commit_id, type, status, finished_at)
  VALUES (${id}, 102, ${project}, 1, 'Ci::Build', 'success', ${end});
  INSERT INTO ci_build_trace_chunks (build_id, partition_id, project_id, chunk_index, data_store)
  VALUES (${id}, 102, 1, 0, 4)`;

test('a page shows when a build finished, in UTC for any zone of the server', async () => {
  const [id, finishedAtMs] = await asOwner(async (client) => {
    const found = await client.query<{ id: string; ms: string }>(
      `SELECT id, floor(extract(epoch FROM finished_at AT TIME ZONE 'utc') * 1000) AS ms
       FROM p_ci_builds WHERE partition_id = 102 AND ${due} ORDER BY id LIMIT 1`,
    );
    return [Number(found.rows[0]!.id), Number(found.rows[0]!.ms)];
  });
  const read = { partitionId: 102, afterBuildId: id - 1, slice: 0, slices: 1, buildsMax: 1, ageMs };
  const page = await builds.readPage(read);
  expect(page.builds).toEqual([
    { buildId: id, due: expect.objectContaining({ finishedAtMs }) as unknown },
  ]);
  expect(page.database).toMatchObject({ databaseName: database, inRecovery: false });
});

test('the end of the last partition_id is the end of the pass', async () => {
  const read = {
    partitionId: 102,
    afterBuildId: 60_000,
    slice: 0,
    slices: 1,
    buildsMax: 10,
    ageMs,
  };
  expect(await builds.readPage(read)).toMatchObject({ builds: [], nextPartitionId: null });
  expect(await builds.readPage({ ...read, partitionId: 0 })).toMatchObject({
    builds: [],
    nextPartitionId: 100,
  });
});

/** What the planner does with the prepared statement, before and after its plan turns generic. */
async function explain(mode: string): Promise<string> {
  return asOwner(async (client) => {
    await client.query('BEGIN');
    await client.query(byKeyset.text);
    await client.query(`SET LOCAL plan_cache_mode = ${mode}`);
    const types = 'bigint, bigint, bigint, bigint, bigint, bigint';
    await client.query(`PREPARE page(${types}) AS ${stalePage.text}`);
    const plan = await client.query<{ 'QUERY PLAN': string }>(
      `EXPLAIN (ANALYZE, BUFFERS, COSTS OFF, TIMING OFF, SUMMARY OFF)
       EXECUTE page(100, 9000, 500, ${ageMs}, 3, 12)`,
    );
    await client.query('ROLLBACK');
    return plan.rows.map((line) => line['QUERY PLAN']).join('\n');
  });
}

const buffersOf = (plan: string): number => {
  const [, hit = '0', read = '0'] = /shared(?: hit=(\d+))?(?: read=(\d+))?/.exec(plan) ?? [];
  return Number(hit) + Number(read);
};

const modes = ['force_custom_plan', 'force_generic_plan'];

test.each(modes)(
  'with %s the keys come from the index alone, the builds by primary key',
  async (mode) => {
    await asOwner((client) => client.query('VACUUM ANALYZE ci_build_trace_chunks'));
    await asOwner((client) => client.query('VACUUM ANALYZE p_ci_builds'));
    const plan = await explain(mode);
    expect(plan).toMatch(
      /Index Only Scan using ci_build_trace_chunks_partition_id_build_id_idx.*\n.*Index Cond: .*build_id > /,
    );
    expect(plan).toContain('Heap Fetches: 0');
    expect(plan).toMatch(/Index Scan using ci_builds_pkey/);
    expect(plan).not.toMatch(/Seq Scan|Bitmap|Hash|Merge/);
    // Three for each build of the page, and the index of the keys.
    expect(buffersOf(plan)).toBeLessThan(500 * 4 + 100);
  },
);

test.each(modes)(
  'with %s statistics that know nothing of the chunks change nothing',
  async (mode) => {
    await asOwner((client) =>
      client.query(
        `DELETE FROM pg_statistic WHERE starelid IN ('ci_build_trace_chunks'::regclass, 'ci_builds'::regclass)`,
      ),
    );
    const plan = await explain(mode);
    expect(plan).toContain('ci_build_trace_chunks_partition_id_build_id_idx');
    expect(plan).toContain('ci_builds_pkey');
    expect(plan).not.toMatch(/Seq Scan|Bitmap|Hash|Merge/);
  },
);
