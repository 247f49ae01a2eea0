/**
 * The connector on the real stack: what it streams, what it costs, which faults it detects, what its role may not do.
 */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { SchemaRegistry } from '@kafkajs/confluent-schema-registry';
import { Client } from 'pg';
import { applyConnector, PositionLostError, SourceNotFitError } from '../../connect/apply';
import type { ApplyOptions, ApplyResult } from '../../connect/apply';
import { readCdcHealth } from '../../lib/connect/cdc-health';
import { artifactTable, buildTable } from '../../lib/connect/needed-tables';
import { createConnectClient } from '../../lib/connect/connect-client';
import { createKafka } from '../../lib/kafka/kafkajs/create-kafka';
import { systemClock } from '../../lib/process/clock';
import { connectionSchema, loadConfig } from '../../lib/process/config';
import { createLogger } from '../../lib/process/logger';
import { PostgresPool, postgresSettings } from '../../lib/stores/postgres/pool';
import { addPartition, cloneSourceDatabase, dropSourceDatabase } from '../../ops/gitlab/schema';
import { stackEnvironment } from '../../ops/local/stack/stack-environment';
import {
  asSuperuser,
  currentStack,
  superuserConfig,
  templateDatabase,
} from '../support/stack/stack';
import { until } from '../support/until';

const name = `c${process.pid}${Date.now() % 100_000}`;
const namespace = `${name}.`;
const topic = `${namespace}cdc.public.p_ci_job_artifacts`;
const stack = currentStack();
const signal = new AbortController().signal;
const scope = { database: name, bucket: name, bucketTag: 'a=b', namespace };
const config = loadConfig(connectionSchema, stackEnvironment(stack, 'cdc', scope));
const client = createConnectClient(stack.addresses.connectUrl, 15_000);
const pool = new PostgresPool(postgresSettings(config, 'connector test'));
const kafka = createKafka(config, 'connector-test', createLogger('test', 'error'));
const consumer = kafka.consumer({ groupId: name });
const registry = new SchemaRegistry({ host: stack.addresses.registryUrl });
const lines: string[] = [];
const events: Record<string, unknown>[] = [];
let gitlab: Client;

const options = (changes: Partial<ApplyOptions> = {}): ApplyOptions => ({
  client,
  connector: name,
  database: pool,
  beginAnew: false,
  onlyFile: false,
  limitMs: 60_000,
  clock: systemClock,
  report: (line) => lines.push(line),
  settings: {
    namespace,
    databaseHost: config.POSTGRES_HOST,
    databasePort: config.POSTGRES_PORT,
    databaseName: name,
    databaseUser: 'afterbuild_cdc',
    passwordFile: join(stack.dataDir, 'secrets', 'connect', 'cdc.properties'),
    slot: name,
    publication: 'afterbuild',
    registryUrl: stack.addresses.registryUrl.replace('/ccompat/v7', '/registry/v2'),
    heartbeatMs: 500,
    replicationFactor: 1,
  },
  ...changes,
});
const apply = (changes: Partial<ApplyOptions> = {}): Promise<ApplyResult> =>
  applyConnector(options(changes), signal);
const health = () =>
  readCdcHealth({
    connectUrl: stack.addresses.connectUrl,
    connector: name,
    slot: name,
    pool,
    needs: [artifactTable, buildTable],
  });

/** One build and its artifacts. @returns the artifacts' ids. */
async function insertArtifacts(count: number, partitionId = 100): Promise<number[]> {
  const { rows } = await gitlab.query<{ id: string }>(
    `WITH pipeline AS (
       INSERT INTO p_ci_pipelines (partition_id, project_id, locked) VALUES ($2, 1, 0) RETURNING id
     ), build AS (
       INSERT INTO p_ci_builds (partition_id, project_id, commit_id, type, status)
       SELECT $2, 1, id, 'Ci::Build', 'success' FROM pipeline, generate_series(1, $1) RETURNING id
     )
     INSERT INTO p_ci_job_artifacts (partition_id, project_id, job_id, file_type, size, created_at,
       updated_at, expire_at, file, file_store, file_location, locked)
     SELECT $2, 1, id, 1, 1000 + id, now(), now(), '2026-01-02 03:04:05.678901+00', 'artifacts.zip', 2, 2, 1
     FROM build RETURNING id`,
    [count, partitionId],
  );
  return rows.map((row) => Number(row.id));
}

const eventsOf = (id: number): Record<string, unknown>[] =>
  events.filter((event) => event['id'] === id);

async function stopConnector(): Promise<void> {
  await client.stop(name);
  await until('the slot is free', async () => (await health()).slot?.active === false);
}

beforeAll(async () => {
  const admin = superuserConfig(stack);
  await cloneSourceDatabase(admin, { template: templateDatabase, database: name });
  gitlab = new Client({ ...admin, database: name });
  await gitlab.connect();
  await gitlab.query('SET ROLE gitlab');
  await apply();
  const [id] = await insertArtifacts(1);
  const admin2 = kafka.admin();
  await admin2.connect();
  await until('Connect made the topic', async () => (await admin2.listTopics()).includes(topic));
  await admin2.disconnect();
  await consumer.connect();
  await consumer.subscribe({ topics: [topic], fromBeginning: true });
  await consumer.run({
    eachMessage: async ({ message }) => {
      if (message.value === null) events.push({ tombstone: true });
      else events.push((await registry.decode(message.value)) as Record<string, unknown>);
    },
  });
  await until('the first event arrives', () => eventsOf(id!).length === 1);
}, 180_000);

afterAll(async () => {
  await consumer.disconnect();
  await fetch(`${stack.addresses.connectUrl}/connectors/${name}`, { method: 'DELETE' });
  await pool.close();
  await gitlab.end();
  await asSuperuser(stack, 'postgres', async (superuser) => {
    const dropped = async (): Promise<boolean> => {
      await superuser.query(
        `SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots
         WHERE slot_name = $1 AND NOT active`,
        [name],
      );
      const left = await superuser.query('SELECT FROM pg_replication_slots WHERE slot_name = $1', [
        name,
      ]);
      return left.rowCount === 0;
    };
    await until('the slot is dropped', dropped);
  });
  await dropSourceDatabase(superuserConfig(stack), name);
  const admin = kafka.admin();
  await admin.connect();
  const topics = (await admin.listTopics()).filter((one) => one.includes(`${namespace}cdc`));
  await admin.deleteTopics({ topics });
  await admin.disconnect();
}, 120_000);

test('an insert and an update arrive flat, with operation, position, commit time and transaction', async () => {
  const [id] = await insertArtifacts(1);
  await gitlab.query('UPDATE p_ci_job_artifacts SET locked = 0 WHERE id = $1', [id]);
  await until('both changes arrive', () => eventsOf(id!).length === 2);
  const [inserted, updated] = eventsOf(id!);
  expect(inserted).toMatchObject({ partition_id: 100, locked: 1, file_store: 2, __op: 'c' });
  expect(inserted!['expire_at']).toBe('2026-01-02T03:04:05.678901Z');
  expect(updated).toMatchObject({ id, locked: 0, file_final_path: null, __op: 'u' });
  for (const field of ['__lsn', '__ts_ms', '__tx_id'])
    expect(updated![field]).toEqual(expect.any(Number));
  expect(updated!['__lsn']).toBeGreaterThan(inserted!['__lsn'] as number);
  expect(Object.keys(updated!)).toHaveLength(13 + 4);
});

test('a delete makes no event: what follows it is the next thing to arrive', async () => {
  const [gone] = await insertArtifacts(1);
  await gitlab.query('DELETE FROM p_ci_job_artifacts WHERE id = $1', [gone]);
  // So many that its partition, too, gets a later record.
  const later = await insertArtifacts(100);
  await until('all inserts after it arrive', () => later.every((id) => eventsOf(id).length === 1));
  expect(eventsOf(gone!).map((event) => event['__op'])).toEqual(['c']);
  expect(events.some((event) => 'tombstone' in event)).toBe(false);
});

test('a partition that is made while the connector runs is streamed too', async () => {
  await addPartition(gitlab, 199);
  const [id] = await insertArtifacts(1, 199);
  await until('its event arrives', () => eventsOf(id!).length === 1);
  expect(eventsOf(id!)[0]).toMatchObject({ partition_id: 199, __op: 'c' });
});

test('a change costs less than 60 bytes on the disk of the broker', async () => {
  const logs = join(stack.dataDir, 'kafka');
  const bytes = (): number =>
    readdirSync(logs)
      .filter((folder) => folder.startsWith(`${topic}-`))
      .flatMap((folder) => readdirSync(join(logs, folder)).map((file) => join(logs, folder, file)))
      .filter((file) => file.endsWith('.log'))
      .reduce((sum, file) => sum + statSync(file).size, 0);
  const before = { bytes: bytes(), events: events.length };
  await insertArtifacts(20_000);
  await until('all arrive', () => events.length === before.events + 20_000, 120_000);
  const bytesPerEvent = (bytes() - before.bytes) / 20_000;
  process.stderr.write(`CDC: ${bytesPerEvent.toFixed(1)} bytes on disk per change\n`);
  expect(bytesPerEvent).toBeLessThan(60);
}, 180_000);

test('applying again changes nothing and does not interrupt the stream', async () => {
  const before = (await health()).slot?.activePid;
  expect(await apply()).toMatchObject({ change: 'unchanged', gap: null });
  expect((await health()).slot?.activePid).toBe(before);
  expect((await health()).breaks).toEqual([]);
}, 90_000);

test.each([
  ['read a column that is not listed', 'SELECT updated_at FROM p_ci_job_artifacts'],
  ['read a table that is not streamed', 'SELECT id FROM p_ci_pipelines'],
  ['delete', 'DELETE FROM p_ci_job_artifacts'],
  ['update', 'UPDATE p_ci_builds SET status = NULL'],
  ['create a table', 'CREATE TABLE public.mine (id int)'],
  ['change the publication', 'ALTER PUBLICATION afterbuild DROP TABLE p_ci_builds'],
])('the role of the connector may not %s', async (_, text) => {
  const refused = pool.query({ name: `forbidden ${text}`, text });
  await expect(refused).rejects.toMatchObject({ sqlState: '42501' });
});

test('a publication that would stop GitLab is refused with every problem, and nothing is changed', async () => {
  await gitlab.query(
    `CREATE PUBLICATION wrong FOR TABLE p_ci_job_artifacts (partition_id, locked) WHERE (locked = 0)
     WITH (publish_via_partition_root = true)`,
  );
  const settings = { ...options().settings, publication: 'wrong' };
  const refused = apply({ settings, connector: `${name}-wrong` });
  await expect(refused).rejects.toThrow(SourceNotFitError);
  await expect(refused).rejects.toThrow(/row filter.*lacks its key \(id\)/s);
  expect(await client.config(`${name}-wrong`)).toBeNull();
  await gitlab.query('DROP PUBLICATION wrong');
});

test('a slot that was advanced past the stored position is a gap, and the connector streams on', async () => {
  await stopConnector();
  const [missed] = await insertArtifacts(1);
  await asSuperuser(stack, name, (superuser) =>
    superuser.query('SELECT pg_replication_slot_advance($1, pg_current_wal_lsn())', [name]),
  );
  expect((await health()).gap).toMatchObject({ kind: 'slot-advanced' });
  const { gap } = await apply({ beginAnew: (await health()).gap?.streamsOn === false });
  expect(gap).toMatchObject({ kind: 'slot-advanced' });
  const [next] = await insertArtifacts(1);
  await until('what comes after arrives', () => eventsOf(next!).length === 1);
  expect(eventsOf(missed!)).toEqual([]);
}, 180_000);

test('a lost slot is refused until an operator decides to begin anew', async () => {
  await stopConnector();
  await pool.query({ name: 'drop slot', text: 'SELECT pg_drop_replication_slot($1)' }, [name]);
  await expect(apply()).rejects.toThrow(PositionLostError);
  expect((await health()).gap).toMatchObject({ kind: 'slot-missing' });
  expect((await apply({ beginAnew: true })).gap).toMatchObject({ kind: 'slot-missing' });
  const [id] = await insertArtifacts(1);
  await until('changes arrive again', () => eventsOf(id!).length === 1);
  expect((await health()).breaks).toEqual([]);
}, 180_000);
