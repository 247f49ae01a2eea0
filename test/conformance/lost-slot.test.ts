/** A slot that PostgreSQL has invalidated keeps both its positions: code that reads them must read its state. */
import { applyConnector, SourceNotFitError } from '../../connect/apply';
import type { ConnectClient } from '../../lib/connect/connect-client';
import { slotGap } from '../../lib/connect/slot-gap';
import { systemClock } from '../../lib/process/clock';
import { connectionSchema, loadConfig } from '../../lib/process/config';
import { PostgresArtifactDatabase } from '../../lib/stores/postgres/expired-artifacts';
import { PostgresPool, postgresSettings } from '../../lib/stores/postgres/pool';
import { readReplicationSlot } from '../../lib/stores/postgres/replication-slot';
import { stackEnvironment } from '../../ops/local/stack/stack-environment';
import { startOwnDatabase, type OwnDatabase } from '../support/stack/own-database';
import { asSuperuser, currentStack, templateDatabase } from '../support/stack/stack';
import { until } from '../support/until';

const slot = 'lost';
const scope = { database: templateDatabase, bucket: 'none', bucketTag: 'a=b' };
let own: OwnDatabase;
let reader: PostgresPool;

beforeAll(async () => {
  own = await startOwnDatabase(currentStack());
  const config = loadConfig(connectionSchema, stackEnvironment(own.stack, 'reader', scope));
  reader = new PostgresPool(postgresSettings(config, 'lost slot test'));
}, 120_000);

afterAll(async () => {
  await reader.close();
  await own.drop();
}, 60_000);

test('a slot that its idle time has cost keeps its positions, and is not ready any more', async () => {
  const artifacts = new PostgresArtifactDatabase(reader, 0);
  await asSuperuser(own.stack, templateDatabase, async (client) => {
    await client.query("SELECT pg_create_logical_replication_slot($1, 'pgoutput')", [slot]);
    expect(await artifacts.slotIsReady(slot)).toBe(true);
    await client.query("ALTER SYSTEM SET idle_replication_slot_timeout = '1s'");
    await client.query('SELECT pg_reload_conf()');
    await until('a checkpoint finds the slot idle for too long', async () => {
      await client.query('CHECKPOINT');
      return (await readReplicationSlot(reader, slot))?.walStatus === 'lost';
    });
  });
  const lost = await readReplicationSlot(reader, slot);
  expect(lost?.confirmedFlushLsn).toEqual(expect.any(Number));
  expect(slotGap(lost!.confirmedFlushLsn, lost)?.kind).toBe('slot-invalid');
  expect(await artifacts.slotIsReady(slot)).toBe(false);
});

test('to begin anew as a role that may not drop it is refused before anything is stopped', async () => {
  const asked: string[] = [];
  const refuses = (name: string) => () => {
    asked.push(name);
    return Promise.reject(new Error(`${name} was asked for`));
  };
  const client = {
    config: () => Promise.resolve(null),
    connectorPlugins: () => Promise.resolve(['io.debezium.connector.postgresql.PostgresConnector']),
    stop: refuses('stop'),
    createStopped: refuses('create'),
    putConfig: refuses('put'),
    deleteOffsets: refuses('delete offsets'),
  } as unknown as ConnectClient;
  const applied = applyConnector(
    {
      ...{ client, connector: 'c', database: reader, beginAnew: true, onlyFile: false },
      ...{ limitMs: 1_000, clock: systemClock, report: () => undefined },
      settings: {
        ...{ namespace: '', databaseHost: 'h', databasePort: 1, databaseName: templateDatabase },
        ...{ databaseUser: 'afterbuild_cdc', passwordFile: '/p', publication: 'afterbuild', slot },
        ...{ registryUrl: 'http://r', heartbeatMs: 1_000, replicationFactor: 1 },
      },
    },
    new AbortController().signal,
  );
  await expect(applied).rejects.toThrow(SourceNotFitError);
  await expect(applied).rejects.toThrow(/role afterbuild_reader may not drop the lost slot/);
  expect(asked).toEqual([]);
});
