/** The statements of the sweep against a real PostgreSQL: what they find, and by which index. */
import type { Client } from 'pg';
import { cloneSourceDatabase, dropSourceDatabase } from '../../ops/gitlab/schema';
import { inIndexOrder, UnsupportedPartitionError } from '../../lib/stores/postgres/due-statements';
import {
  duePage,
  PostgresArtifactDatabase,
  tiePage,
} from '../../lib/stores/postgres/expired-artifacts';
import { dayOf } from '../../lib/stores/postgres/instant';
import { PostgresPool, type Statement } from '../../lib/stores/postgres/pool';
import { cursorAtStart, nextRead, settlePage } from '../../producers/expired-artifacts/page';
import { isVisible, parseSnapshot } from '../../lib/stores/postgres/visibility';
import {
  asSuperuser,
  currentStack,
  sourcePasswords,
  superuserConfig,
  templateDatabase,
} from '../support/stack/stack';

const database = `sweepsql${process.pid}`;
const stack = currentStack();
let pool: PostgresPool;
let artifacts: PostgresArtifactDatabase;

/** 40,000 rows in three partition_ids, expiry in no order, a fifth of them on one midnight. */
const rows = `
  INSERT INTO p_ci_job_artifacts (id, partition_id, project_id, job_id, file_type, size, created_at,
    updated_at, expire_at, file, file_store, file_location, locked)
  SELECT i, CASE WHEN i % 3 = 0 THEN 102 ELSE 100 + i % 2 END, i % 50, i / 3,
    CASE WHEN i % 10 = 9 THEN 3 ELSE 1 + i % 2 END, i, now() - interval '60 days', now(),
    CASE WHEN i % 5 = 0 THEN timestamptz '2026-01-22 00:00Z'
         WHEN i % 5 < 4 THEN now() - (i * 7919 % 40000) * interval '1 minute' - interval '1 hour'
         ELSE now() + interval '1 day' END,
    'artifacts.zip', CASE WHEN i % 50 = 7 THEN 1 ELSE 2 END, 2,
    CASE WHEN i % 20 = 3 THEN 1 WHEN i % 20 = 11 THEN 2 ELSE 0 END
  FROM generate_series(1, 40000) AS i`;
const due = 'locked = 0 AND file_type <> 3 AND file_store = 2 AND expire_at < now()';

/** Without foreign keys and triggers: the ids and the builds do not matter here. */
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
    await client.query('VACUUM ANALYZE p_ci_job_artifacts');
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
  artifacts = new PostgresArtifactDatabase(pool, 0);
}, 60_000);

afterAll(async () => {
  await pool.close();
  await dropSourceDatabase(superuserConfig(stack), database);
}, 60_000);

async function sweep(pageRows: number): Promise<number[]> {
  const ids: number[] = [];
  for (const shard of await artifacts.shards()) {
    let cursor = cursorAtStart;
    for (let caughtUp = false; !caughtUp;) {
      const { rows: read } = await artifacts.readPage(shard, nextRead(cursor, pageRows));
      const settled = settlePage(cursor, read, pageRows);
      ids.push(
        ...settled.kept.filter(({ fileStore }) => fileStore === 2).map(({ id }) => Number(id)),
      );
      ({ cursor, caughtUp } = settled);
    }
  }
  return ids.sort((a, b) => a - b);
}

test('the shards are the physical partitions, with all their ids', async () => {
  expect(await artifacts.shards()).toEqual([
    { name: 'gitlab_partitions_dynamic.ci_job_artifacts_102', partitionIds: [102] },
    { name: 'public.ci_job_artifacts', partitionIds: [100, 101] },
  ]);
});

test.each([1_000, 10_000])(
  'pages of %i rows find every due row once, ties included',
  async (rowsMax) => {
    const expected = await asOwner((client) =>
      client.query<{ id: string }>(`SELECT id FROM p_ci_job_artifacts WHERE ${due} ORDER BY id`),
    );
    expect(await sweep(rowsMax)).toEqual(expected.rows.map(({ id }) => Number(id)));
  },
);

test('a page tells the microsecond, the UTC date and the database that it was read from', async () => {
  const [shard] = await artifacts.shards();
  const page = await artifacts.readPage(shard!, nextRead(cursorAtStart, 1));
  const [row] = page.rows;
  const [exact] = await asOwner(async (client) => {
    const found = await client.query<{ us: string; days: number }>(
      `SELECT (extract(epoch FROM expire_at) * 1000000)::bigint AS us,
              (created_at AT TIME ZONE 'UTC')::date - date '1970-01-01' AS days
       FROM p_ci_job_artifacts WHERE id = $1`,
      [row!.id],
    );
    return found.rows;
  });
  expect(row).toMatchObject({ expireAt: BigInt(exact!.us) });
  expect(dayOf(row!.createdAt)).toBe(exact!.days);
  expect(page.database).toMatchObject({
    systemIdentifier: stack.addresses.postgres.systemIdentifier,
    databaseName: database,
    inRecovery: false,
  });
});

test('what is due is counted to ten thousand, and expected beyond that', async () => {
  const counts: [number, boolean][] = [];
  for (const shard of await artifacts.shards()) {
    const { artifacts: count, isEstimate } = await artifacts.countDue(shard, null);
    const { rows: exact } = await asOwner((client) =>
      client.query<{ count: number }>(
        `SELECT count(*)::int FROM p_ci_job_artifacts WHERE partition_id = ANY($1)
         AND locked = 0 AND file_type <> 3 AND expire_at < now()`,
        [shard.partitionIds],
      ),
    );
    counts.push([count / exact[0]!.count, isEstimate]);
  }
  expect(counts).toEqual([
    [1, false],
    [expect.closeTo(1, 0), true],
  ]);
});

test('behind the last watermark nothing is due', async () => {
  const [shard] = await artifacts.shards();
  const after = BigInt(Date.now()) * 1_000n;
  expect(await artifacts.countDue(shard!, after)).toEqual({ artifacts: 0, isEstimate: false });
});

/** The planner's choice for a prepared statement, before and after its plan turns generic. */
async function explain(
  statement: Statement,
  types: string,
  values: string,
  mode: 'force_custom_plan' | 'force_generic_plan',
): Promise<string> {
  return asOwner(async (client) => {
    await client.query('BEGIN');
    await client.query(inIndexOrder.text);
    await client.query(`SET LOCAL plan_cache_mode = ${mode}`);
    await client.query(`PREPARE page(${types}) AS ${statement.text}`);
    const plan = await client.query<{ 'QUERY PLAN': string }>(
      `EXPLAIN (ANALYZE, BUFFERS, COSTS OFF, TIMING OFF, SUMMARY OFF) EXECUTE page(${values})`,
    );
    await client.query('ROLLBACK');
    return plan.rows.map((line) => line['QUERY PLAN']).join('\n');
  });
}

const buffersOf = (plan: string): number => {
  const [, hit = '0', read = '0'] = /shared(?: hit=(\d+))?(?: read=(\d+))?/.exec(plan) ?? [];
  return Number(hit) + Number(read);
};

describe.each(['force_custom_plan', 'force_generic_plan'] as const)('with %s', (mode) => {
  test('a due page reads the partial index of its own partition, and no more than a page', async () => {
    const values = `'-infinity', 0, 'infinity'`;
    const plan = await explain(
      duePage([102], 501, 'after'),
      'timestamptz, bigint, timestamptz',
      values,
      mode,
    );
    expect(plan).toContain('Index Scan using ci_job_artifacts_102_expire_at_idx');
    expect(plan).not.toMatch(/Sort|Bitmap|Seq Scan|ci_job_artifacts p_ci/);
    expect(buffersOf(plan)).toBeLessThan(700);
  });

  test('a tie page walks its group by job', async () => {
    const values = `'2026-01-22 00:00Z', 3000`;
    const plan = await explain(
      tiePage([100, 101], 500, 'after'),
      'timestamptz, bigint',
      values,
      mode,
    );
    // Where the group is a large part of the partition, the index by job alone is as good.
    expect(plan).toMatch(/Index Scan using ci_job_artifacts_(expire_at_job_id|job_id_file_type)_/);
    expect(plan).not.toMatch(/Sort|Bitmap|Seq Scan|_102/);
    expect(buffersOf(plan)).toBeLessThan(1_500);
  });
});

test('from the watermark the dead rows behind it cost nothing, from the start they all do', async () => {
  const types = 'timestamptz, bigint, timestamptz';
  const page = duePage([102], 101, 'after');
  await asOwner(async (pinning) => {
    await pinning.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
    await pinning.query('SELECT count(*) FROM p_ci_builds');
    await asOwner((client) =>
      client.query(
        `DELETE FROM p_ci_job_artifacts
         WHERE partition_id = 102 AND expire_at < now() - interval '20 days' AND ${due}`,
      ),
    );
    const mode = 'force_custom_plan';
    const fromStart = await explain(page, types, `'-infinity', 0, 'infinity'`, mode);
    const watermark = `now() - interval '20 days'`;
    const fromWatermark = await explain(page, types, `${watermark}, 0, 'infinity'`, mode);
    expect(buffersOf(fromStart)).toBeGreaterThan(2_000);
    expect(buffersOf(fromWatermark)).toBeLessThan(300);
    await pinning.query('ROLLBACK');
  });
});

test('a transaction is visible once it has committed, not before', async () => {
  await asOwner(async (client) => {
    await client.query('BEGIN');
    const { rows: found } = await client.query<{ xid: string }>(
      `SELECT (pg_current_xact_id()::text::numeric % 4294967296)::text AS xid`,
    );
    const xid = Number(found[0]!.xid);
    const before = await artifacts.readCommitState();
    expect(isVisible(parseSnapshot(before.snapshot), xid)).toBe(false);
    await client.query('COMMIT');
    const after = await artifacts.readCommitState();
    expect(isVisible(parseSnapshot(after.snapshot), xid)).toBe(true);
    expect(after.nowUs).toBeGreaterThan(before.nowUs);
  });
});

test('a slot is ready when it exists in this database', async () => {
  const slot = `slot_${database}`;
  expect(await artifacts.slotIsReady(slot)).toBe(false);
  await asOwner(async (client) => {
    await client.query("SELECT pg_create_logical_replication_slot($1, 'pgoutput')", [slot]);
    expect(await artifacts.slotIsReady(slot)).toBe(true);
    await client.query('SELECT pg_drop_replication_slot($1)', [slot]);
  });
});

test('a new partition is found, and a DEFAULT one is refused', async () => {
  await asOwner(async (client) => {
    const space = 'gitlab_partitions_dynamic';
    await client.query(
      `CREATE TABLE ${space}.ci_job_artifacts_103 PARTITION OF p_ci_job_artifacts FOR VALUES IN (103)`,
    );
    expect((await artifacts.shards()).map(({ partitionIds }) => partitionIds)).toContainEqual([
      103,
    ]);
    await client.query(`CREATE TABLE ${space}.rest PARTITION OF p_ci_job_artifacts DEFAULT`);
    await expect(artifacts.shards()).rejects.toThrow(UnsupportedPartitionError);
  });
});
