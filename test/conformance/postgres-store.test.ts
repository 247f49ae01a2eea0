/** The behaviour of PostgreSQL that the pipeline relies on: plans, limits, identity, and keys made in SQL. */
import fc from 'fast-check';
import {
  artifactObjectKey,
  type ArtifactKeyColumns,
  UnusableObjectKeyError,
} from '../../lib/gitlab/object-key';
import { PostgresArtifactClaims, type Claim } from '../../lib/stores/postgres/artifact-claims';
import {
  artifactStatements,
  dueValues,
  PostgresArtifacts,
} from '../../lib/stores/postgres/artifacts';
import { DatabaseClock } from '../../lib/stores/postgres/database-clock';
import { readIdentity } from '../../lib/stores/postgres/identity';
import { PostgresPool } from '../../lib/stores/postgres/pool';
import { insertBuilds, insertPipelines } from '../../ops/gitlab/rows';
import { ArtifactSource, type NewRow } from '../support/records/artifact-source';
import { currentStack } from '../support/stack/stack';
import { until } from '../support/until';

const source = new ArtifactSource('postgres_store');
let deleterPool: PostgresPool;
beforeAll(async () => {
  await source.open();
  deleterPool = source.pool('afterbuild_deleter');
});
afterAll(() => source.close());

const due: Omit<NewRow, 'jobId'> = {
  partitionId: 100,
  projectId: 1,
  createdOnDays: 20_000,
  fileType: 1,
  file: 'artifacts.zip',
  fileStore: 2,
  fileLocation: 2,
  fileFinalPath: null,
  locked: 0,
  expiresInMs: -60_000,
};

test('an unprivileged role reads which database this is, and its position never goes back', async () => {
  const first = await deleterPool.withSession(readIdentity);
  await source.build();
  const second = await deleterPool.withSession(readIdentity);
  expect(first).toMatchObject({
    systemIdentifier: currentStack().addresses.postgres.systemIdentifier,
    databaseName: source.database.name,
    timeline: 1,
    inRecovery: false,
  });
  expect(second.lsn).toBeGreaterThanOrEqual(first.lsn);
  expect(first.lsn).toBeGreaterThan(16 * 1024 * 1024);
});

test("a clock shows the database's time, with any clock of the worker", async () => {
  const clock = new DatabaseClock();
  expect(() => clock.nowMs()).toThrow('has not been set');
  const ofTheWorker = jest.spyOn(Date, 'now').mockReturnValue(0);
  await deleterPool.withSession((session) => clock.set(session));
  ofTheWorker.mockRestore();
  expect(Math.abs(clock.nowMs() - Date.now())).toBeLessThan(2_000);
});

test('a connection that the check refuses is never used, and says why', async () => {
  let checks = 0;
  const pool = new PostgresPool(source.settings('afterbuild_deleter'), () => {
    checks += 1;
    return Promise.reject(new Error('not this one'));
  });
  const ask = () => pool.query({ name: 'ask', text: 'SELECT 1' });
  await expect(ask()).rejects.toThrow('not this one');
  await expect(ask()).rejects.toThrow('not this one');
  expect(checks).toBe(2);
  await pool.close();
});

test.each([
  ['pg_sleep(30)', 'unavailable', '57014'],
  ['1 / 0', 'other', '22012'],
])('SELECT %s fails as %s', async (expression, failure, sqlState) => {
  const limits = { ...source.settings('afterbuild_deleter'), statementTimeoutMs: 200 };
  const pool = new PostgresPool(limits);
  const statement = { name: 'fails', text: `SELECT ${expression}` };
  await expect(pool.query(statement)).rejects.toMatchObject({ failure, sqlState });
  await pool.close();
});

test('a server that is not there, and a bigint beyond 2^53, are said so', async () => {
  const nowhere = new PostgresPool({ ...source.settings('afterbuild_deleter'), port: 1 });
  await expect(nowhere.query({ name: 'ask', text: 'SELECT 1' })).rejects.toMatchObject({
    failure: 'unavailable',
  });
  await nowhere.close();
  const huge = { name: 'huge', text: 'SELECT 9007199254740993::bigint AS n' };
  await expect(deleterPool.query(huge)).rejects.toThrow(/beyond 2\^53/);
});

test('a row that another session holds locked makes the delete repeatable, not lost', async () => {
  const [row] = await source.insert([{ ...due, jobId: await source.build() }]);
  const artifacts = new PostgresArtifacts(deleterPool);
  await source.owner.query('BEGIN');
  try {
    await source.owner.query('SELECT FROM p_ci_job_artifacts WHERE id = $1 FOR UPDATE', [row!.id]);
    await expect(artifacts.deleteDue(100, [row!])).rejects.toMatchObject({ failure: 'repeat' });
  } finally {
    await source.owner.query('ROLLBACK');
  }
  expect(await artifacts.deleteDue(100, [row!])).toEqual([row!.id]);
});

describe('a row that moves to another partition while we delete it', () => {
  /** @returns the result of the delete that waited for the move. */
  async function deleteDuring(move: string, row: ArtifactKeyColumns): Promise<unknown> {
    const limits = { ...source.settings('afterbuild_deleter'), lockTimeoutMs: 9_000 };
    const pool = new PostgresPool(limits);
    const outcome = await source.database.asSuperuser(async (mover) => {
      await mover.query('BEGIN');
      await mover.query(move);
      const deleting = new PostgresArtifacts(pool)
        .deleteDue(100, [row])
        .catch((error: unknown) => error);
      await until('the delete waits for the move', async () => {
        const waiting = await source.owner.query(
          `SELECT FROM pg_locks JOIN pg_stat_activity USING (pid)
           WHERE NOT granted AND datname = $1`,
          [source.database.name],
        );
        return waiting.rowCount === 1;
      });
      await mover.query('COMMIT');
      return deleting;
    });
    await pool.close();
    return outcome;
  }
  const path = 'moved/@final/path';

  test('makes the delete repeatable, and still exists', async () => {
    const [row] = await source.insert([{ ...due, jobId: await source.build() }]);
    const move = `SET LOCAL session_replication_role = 'replica';
      UPDATE p_ci_job_artifacts SET partition_id = 102 WHERE id = ${row!.id}`;
    expect(await deleteDuring(move, row!)).toMatchObject({ failure: 'repeat', sqlState: '40001' });
    const artifacts = new PostgresArtifacts(deleterPool);
    expect(await artifacts.deleteDue(100, [row!])).toEqual([]);
    expect(await artifacts.findExisting([row!.id])).toEqual([row!.id]);
  });

  test('gets a new id from the trigger when it is moved with its pipeline, and keeps its final path', async () => {
    const jobId = await source.build();
    const [row] = await source.insert([{ ...due, jobId, fileFinalPath: path }]);
    const move = `UPDATE p_ci_pipelines SET partition_id = 102
      WHERE id = (SELECT commit_id FROM p_ci_builds WHERE id = ${jobId})`;
    expect(await deleteDuring(move, row!)).toMatchObject({ failure: 'repeat', sqlState: '40001' });
    const artifacts = new PostgresArtifacts(deleterPool);
    expect(await artifacts.findExisting([row!.id])).toEqual([]);
    expect(await artifacts.findFinalPathClaims([{ projectId: 1, path }])).toEqual([path]);
  });
});

describe('plans on a table that is worth an index', () => {
  const ids = Array.from({ length: 200 }, (_, index) => index + 1);
  const known = ids.map((id) => ({ ...due, id, jobId: id }));
  const paths = ids.map((id) => `path/${id}`);

  beforeAll(async () => {
    const build = { partitionId: 100, projectId: 1, createdAtMs: 0, status: 'success' };
    const [pipelineId] = await insertPipelines(source.owner, [{ ...build, locked: false }]);
    const finished = { ...build, pipelineId: pipelineId!, finishedAtMs: 0 };
    const jobIds = await insertBuilds(
      source.owner,
      Array.from({ length: 20_000 }, () => ({ ...finished, type: 'Ci::Build' as const })),
    );
    await source.insert(
      jobIds.map((jobId, index) => ({ ...due, jobId, projectId: 1 + (index % 644) })),
    );
    await source.owner.query('ANALYZE p_ci_job_artifacts');
  });

  test.each([
    ['deleteDue', dueValues(100, known)],
    ['findDue', dueValues(100, known)],
    ['findExisting', [ids]],
    ['findLegacyClaims', [ids]],
    ['findFinalPathClaims', [[1, 2, 3], paths]],
  ] as const)('%s scans no table, whichever plan the server takes', async (name, values) => {
    for (const mode of ['force_custom_plan', 'force_generic_plan']) {
      const plan = await source.database.asSuperuser(async (client) => {
        await client.query(`SET plan_cache_mode = ${mode}`);
        const { rows } = await client.query<{ 'QUERY PLAN': string }>({
          text: `EXPLAIN ${artifactStatements[name].text}`,
          values: [...values],
        });
        return rows.map((row) => row['QUERY PLAN']).join('\n');
      });
      expect(plan).not.toMatch(/Seq Scan on ci_job_artifacts /);
      if (name.endsWith('Due')) expect(plan).not.toMatch(/ci_job_artifacts_102/);
    }
  });

  test('who claims a final path is found by its project where GitLab has dropped the index on the path', async () => {
    const plan = await source.database.asSuperuser(async (client) => {
      await client.query('BEGIN; DROP INDEX p_ci_job_artifacts_file_final_path_idx');
      await client.query('SET LOCAL plan_cache_mode = force_generic_plan');
      const { rows } = await client.query<{ 'QUERY PLAN': string }>({
        text: `EXPLAIN ${artifactStatements.findFinalPathClaims.text}`,
        values: [[1, 2, 3], paths],
      });
      await client.query('ROLLBACK');
      return rows.map((row) => row['QUERY PLAN']).join('\n');
    });
    expect(plan).not.toMatch(/Seq Scan on ci_job_artifacts /);
    expect(plan).toMatch(/Index Cond: \(project_id = ANY/);
  });
});

test('a session that deletes plans its statement once, for any rows', async () => {
  const plansOf = {
    name: 'plans-of',
    text: `SELECT generic_plans::int AS generic, custom_plans::int AS custom
           FROM pg_prepared_statements WHERE name = $1`,
  };
  const [plans] = await deleterPool.withSession(async (session) => {
    for (const id of [1, 2, 3]) {
      await session.query(artifactStatements.deleteDue, dueValues(100, [{ ...due, id, jobId: 0 }]));
    }
    return session.query(plansOf, [artifactStatements.deleteDue.name]);
  });
  // The connection may have been another test's before.
  expect(plans).toEqual({ generic: expect.any(Number) as number, custom: 0 });
});

test('the key made in SQL is the key made here', async () => {
  const claims = new PostgresArtifactClaims(source.pool('afterbuild_reader'));
  const name = fc
    .string({ unit: 'grapheme', minLength: 1, maxLength: 12 })
    .filter((text) => !text.includes('\u0000') && text.isWellFormed());
  const row = fc.record({
    projectId: fc.integer({ min: 1, max: 5_000_000 }),
    createdOnDays: fc.integer({ min: 10_957, max: 40_000 }),
    file: fc.option(name),
    fileLocation: fc.constantFrom(1, 2, null),
    fileFinalPath: fc.option(fc.oneof(name, fc.constant(''))),
  });
  const rows = fc.sample(row, { numRuns: 300, seed: 3 });
  const jobId = await source.build();
  const inserted = await source.insert(
    rows.map((one, index) => ({ ...due, ...one, jobId, fileType: 30_000 + index })),
  );
  const made = await claims.of({
    ids: inserted.map(({ id }) => id),
    legacyJobIds: [],
    finalPaths: [],
  });
  const inSql = new Map(made.map(({ id, key }) => [id, key as string | null]));
  for (const one of inserted) {
    const here = keyOrUndefined(one);
    if (here !== undefined) expect(inSql.get(one.id)).toBe(here);
  }
});

/** Undefined when the key is refused here: SQL makes it all the same, and it names no object. */
function keyOrUndefined(row: ArtifactKeyColumns): string | null | undefined {
  try {
    return artifactObjectKey(row);
  } catch (error) {
    if (error instanceof UnusableObjectKeyError) return undefined;
    throw error;
  }
}

test('all claims come in the order of their keys, and say what is due', async () => {
  const claims = new PostgresArtifactClaims(source.pool('afterbuild_reader'));
  const found: Claim[] = [];
  for await (const claim of claims.all()) found.push(claim);
  const keys = found.map(({ key }) => Buffer.from(key));
  for (let at = 1; at < keys.length; at += 1) {
    expect(Buffer.compare(keys[at - 1]!, keys[at]!)).toBeLessThanOrEqual(0);
  }
  const { rows } = await source.owner.query<{ due: string }>(
    `SELECT count(*) AS due FROM p_ci_job_artifacts WHERE locked = 0 AND file_type <> 3
       AND file_store = 2 AND expire_at < now() AND coalesce(file, file_final_path, '') <> ''`,
  );
  expect(found.filter(({ isDue }) => isDue).length).toBe(Number(rows[0]!.due));
});
