/**
 * Creates the source database: roles, GitLab's tables, grants and the publication of `schemas/sql`.
 *
 * Beside a real GitLab only the roles, grants and publication are applied; the tables exist already. Everything here
 * may be repeated.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client, escapeIdentifier, escapeLiteral, type ClientConfig } from 'pg';
import { projectRoot } from '../../lib/process/root';

/** Passwords of the five roles; the operator of the cluster passes them, and they are never stored here. */
export interface SourcePasswords {
  readonly gitlab: string;
  readonly afterbuild_cdc: string;
  readonly afterbuild_reader: string;
  readonly afterbuild_deleter: string;
  readonly afterbuild_archiver: string;
}

const folder = join(projectRoot, 'schemas', 'sql');
const connectMs = 10_000;
const statementMs = 60_000;

/** Any number that no other program uses: appliers wait for each other on it. */
const applyLock = 4_117_091;

/** One file of `schemas/sql`, as text. */
export function sqlFile(start: string): string {
  const name = readdirSync(folder).find((file) => file.startsWith(start) && file.endsWith('.sql'));
  if (name === undefined) throw new Error(`schemas/sql has no file that starts with ${start}`);
  return readFileSync(join(folder, name), 'utf8');
}

async function connected<T>(
  admin: ClientConfig,
  database: string,
  work: (client: Client) => Promise<T>,
): Promise<T> {
  const client = new Client({
    ...admin,
    database,
    connectionTimeoutMillis: connectMs,
    statement_timeout: statementMs,
  });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** Roles belong to the cluster: two appliers at once would fail on the same catalogue rows. */
async function underLock<T>(admin: ClientConfig, work: (client: Client) => Promise<T>): Promise<T> {
  return connected(admin, 'postgres', async (client) => {
    await client.query('SELECT pg_advisory_lock($1)', [applyLock]);
    return work(client); // the lock ends with the connection
  });
}

async function applyRoles(client: Client, passwords: SourcePasswords): Promise<void> {
  await client.query(sqlFile('0001'));
  // The statement's text contains a password: keep it out of the server's log, also when it fails.
  await client.query("SET log_statement = 'none'");
  await client.query('SET log_min_error_statement = panic');
  for (const [role, password] of Object.entries(passwords) as [string, string][]) {
    await client.query(`ALTER ROLE ${escapeIdentifier(role)} PASSWORD ${escapeLiteral(password)}`);
  }
}

/** Rights on the database itself are not part of a template, so each clone needs them again. */
async function createDatabase(client: Client, database: string, template: string): Promise<void> {
  const name = escapeIdentifier(database);
  const found = await client.query('SELECT FROM pg_database WHERE datname = $1', [database]);
  if (found.rowCount === 0) {
    const from = escapeIdentifier(template);
    await client.query(`CREATE DATABASE ${name} OWNER gitlab TEMPLATE ${from}`);
  }
  await client.query(`REVOKE ALL ON DATABASE ${name} FROM PUBLIC`);
  await client.query(
    `GRANT CONNECT ON DATABASE ${name}
       TO afterbuild_cdc, afterbuild_reader, afterbuild_deleter, afterbuild_archiver`,
  );
}

async function applyTables(client: Client): Promise<void> {
  const found = await client.query<{ table: string | null }>(
    `SELECT to_regclass('public.p_ci_job_artifacts')::text AS table`,
  );
  if (found.rows[0]?.table != null) return;
  for (const start of ['0002', '0003', '0004', '0005', '0006']) await client.query(sqlFile(start));
}

async function applyPublication(client: Client): Promise<void> {
  const found = await client.query("SELECT FROM pg_publication WHERE pubname = 'afterbuild'");
  if (found.rowCount === 0) await client.query(sqlFile('0008'));
}

/**
 * Creates the database when it is absent and applies `schemas/sql` to it.
 *
 * @param admin a superuser's connection; its `database` is ignored.
 * @throws the server's error; no table is left when one of them fails.
 */
export async function applySourceSchema(
  admin: ClientConfig,
  { database, passwords }: { database: string; passwords: SourcePasswords },
): Promise<void> {
  await underLock(admin, async (maintenance) => {
    await applyRoles(maintenance, passwords);
    await createDatabase(maintenance, database, 'template1');
    await connected(admin, database, async (client) => {
      await client.query('BEGIN');
      await client.query('SET LOCAL ROLE gitlab'); // the owner of everything that follows
      await applyTables(client);
      await client.query(sqlFile('0007'));
      await applyPublication(client);
      await client.query('COMMIT');
    });
  });
}

/** A copy of a source database, with the same roles' rights. The template must have no connections. */
export async function cloneSourceDatabase(
  admin: ClientConfig,
  { template, database }: { template: string; database: string },
): Promise<void> {
  await underLock(admin, (maintenance) => createDatabase(maintenance, database, template));
}

/** Drops a database and cuts its connections; no error when there is none. */
export async function dropSourceDatabase(admin: ClientConfig, database: string): Promise<void> {
  await connected(admin, 'postgres', (client) =>
    client.query(`DROP DATABASE IF EXISTS ${escapeIdentifier(database)} WITH (FORCE)`),
  );
}

/**
 * Creates partitions in advance, like GitLab: for the next partition_id, one of each root.
 * @param owner a connection of the role `gitlab`.
 */
export async function addPartition(
  owner: { query(sql: string): Promise<unknown> },
  partitionId: number,
): Promise<void> {
  const value = String(partitionId);
  const roots = ['ci_pipelines', 'ci_builds', 'ci_job_artifacts', 'ci_job_artifact_reports'];
  const statements = [...roots, 'ci_build_trace_metadata'].map(
    (root) =>
      `CREATE TABLE gitlab_partitions_dynamic.${root}_${value}
         PARTITION OF p_${root} FOR VALUES IN (${value});`,
  );
  for (const root of ['ci_pipelines', 'ci_builds']) {
    statements.push(
      `CREATE TRIGGER ${root}_${value}_loose_fk_trigger
         AFTER DELETE ON gitlab_partitions_dynamic.${root}_${value}
         REFERENCING OLD TABLE AS old_table FOR EACH STATEMENT
         EXECUTE FUNCTION insert_into_loose_foreign_keys_deleted_records('p_${root}');`,
    );
  }
  await owner.query(statements.join('\n')); // one query: one transaction
}
