import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Statement } from '../stores/postgres/pool';
import { readCdcHealth } from './cdc-health';
import { artifactTable } from './needed-tables';
import type { ReplicationSlot } from '../stores/postgres/replication-slot';

const answers = new Map<string, unknown>();
let server: Server;
let url: string;

beforeAll(async () => {
  server = createServer((request, response) => {
    const answer = answers.get(request.url ?? '');
    response.writeHead(answer === undefined ? 404 : 200).end(JSON.stringify(answer ?? {}));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => server.close());
beforeEach(() => answers.clear());

const slot: ReplicationSlot = {
  name: 's',
  plugin: 'pgoutput',
  database: 'd',
  active: true,
  activePid: 1,
  walStatus: 'reserved',
  restartLsn: 90,
  confirmedFlushLsn: 100,
  lagBytes: 5,
};
const table = {
  name: artifactTable.name,
  columns: artifactTable.columns,
  rowFilter: null as string | null,
  keyColumns: ['id', 'partition_id'],
  withoutKey: [],
  unlogged: [] as string[],
  allColumns: artifactTable.columns,
};
const publication = {
  ...{ allTables: false, insert: true, update: true, delete: false, truncate: false },
  viaRoot: true,
};
const config = {
  'topic.prefix': 'p',
  'database.dbname': 'd',
  'database.user': 'cdc',
  'publication.name': 'afterbuild',
  'table.include.list': 'public[.]p_ci_job_artifacts',
  'column.include.list': 'public[.]p_ci_job_artifacts[.].*',
};

const look = (found: ReplicationSlot | null, tables: object[] = [table], connectUrl = url) => {
  const server = { databaseName: 'd', inRecovery: false, walLevel: 'logical', slotsFree: 1 };
  const rows: Record<string, object[]> = {
    'read-replication-slot': found === null ? [] : [found],
    'read-source-server': [{ ...server, user: 'reader', mayDropSlots: false }],
    'read-source-role': [{ login: true, replication: true }],
    'read-publication': [publication],
    'read-published-tables': tables,
  };
  const query = ({ name }: Statement) => Promise.resolve(rows[name] ?? []);
  const needs = [artifactTable];
  return readCdcHealth({ connectUrl, connector: 'a', slot: 's', pool: { query } as never, needs });
};
const connectorAt = (lsn: number, state = 'RUNNING', trace?: string): void => {
  const tasks = state === 'STOPPED' ? [] : [{ id: 0, state, trace }];
  const connector = { state: state === 'FAILED' ? 'RUNNING' : state };
  answers.set('/connectors/a/status', { connector, tasks });
  answers.set('/connectors/a/config', { name: 'a', ...config });
  answers.set('/connectors/a/offsets', {
    offsets: [
      { partition: { server: 'former' }, offset: { lsn: 1 } },
      { partition: { server: 'p' }, offset: { lsn } },
    ],
  });
};

it('nothing is wrong when the connector runs at the slot’s position', async () => {
  connectorAt(100);
  expect(await look(slot)).toMatchObject({ gap: null, breaks: [], lagBytes: 5, storedLsn: 100 });
});

it('a slot that passed a stopped connector is a gap', async () => {
  connectorAt(95, 'STOPPED');
  const health = await look({ ...slot, active: false });
  expect(health).toMatchObject({ connectorState: 'STOPPED', gap: { kind: 'slot-advanced' } });
  expect(health.breaks).toHaveLength(3);
});

it('a failed task is named with its reason, and loses nothing', async () => {
  connectorAt(100, 'FAILED', 'a.B: c\nCaused by: d.EException: the reason');
  expect((await look(slot)).breaks).toEqual([
    { text: 'The connector a is FAILED (the reason).', losesChanges: false },
  ]);
});

it('an unavailable Connect is no gap, only a break', async () => {
  const health = await look(slot, [table], 'http://127.0.0.1:1');
  expect(health).toMatchObject({ connectorState: 'UNREACHABLE', gap: null, storedLsn: null });
  expect(health.breaks).toHaveLength(1);
});

it('that there is neither slot nor connector is said', async () => {
  expect((await look(null)).breaks.map(({ text }) => text)).toEqual([
    'The connector a is MISSING.',
    'There is no replication slot s.',
  ]);
});

it.each<[string, object[], RegExp]>([
  ['a table that left the publication', [], /does not hold the table public\.p_ci_job_artifacts/],
  ['a row filter', [{ ...table, rowFilter: '(locked = 0)' }], /row filter/],
  [
    'a column that left the list',
    [{ ...table, columns: table.columns.filter((name) => name !== 'locked') }],
    /not published: locked/,
  ],
  [
    'a column that the table lost',
    [
      {
        ...table,
        columns: table.columns.filter((name) => name !== 'locked'),
        allColumns: table.columns.filter((name) => name !== 'locked'),
      },
    ],
    /has no locked any more/,
  ],
  ['a partition that is not logged', [{ ...table, unlogged: ['a_102'] }], /a_102 is not logged/],
])('%s loses changes, while everything else is as it should be', async (_, tables, expected) => {
  connectorAt(100);
  const { breaks } = await look(slot, tables);
  expect(breaks.length).toBeGreaterThan(0);
  expect(breaks.every(({ losesChanges }) => losesChanges)).toBe(true);
  expect(breaks.map(({ text }) => text).join(' ')).toMatch(expected);
});
