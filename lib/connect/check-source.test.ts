import { connectorProblems, neededProblems, sourceProblems } from './check-source';
import type { ReplicationSlot } from '../stores/postgres/replication-slot';
import type { PublishedTable, SourceFacts } from './source-facts';

const config = {
  'database.dbname': 'gitlab',
  'database.user': 'cdc',
  'publication.name': 'afterbuild',
  'table.include.list': 'public[.]a',
  'column.include.list': 'public[.]a[.](id|partition_id|name)',
};
const table: PublishedTable = {
  name: 'public.a',
  columns: ['id', 'partition_id', 'name'],
  rowFilter: null,
  keyColumns: ['id', 'partition_id'],
  withoutKey: [],
  unlogged: [],
  allColumns: ['id', 'partition_id', 'name', 'secret'],
};
const publication = {
  allTables: false,
  insert: true,
  update: true,
  delete: false,
  truncate: false,
  viaRoot: true,
};
const fit: SourceFacts = {
  databaseName: 'gitlab',
  inRecovery: false,
  walLevel: 'logical',
  slotsFree: 1,
  user: 'cdc',
  mayDropSlots: true,
  role: { login: true, replication: true },
  publication,
  tables: [table],
};
const slot = { name: 's', plugin: 'pgoutput', database: 'gitlab' } as ReplicationSlot;

test('a fit source has no problem, with and without a slot', () => {
  expect(sourceProblems(config, fit, null)).toEqual([]);
  expect(sourceProblems(config, { ...fit, slotsFree: 0 }, slot)).toEqual([]);
});

const ofTable = (change: Partial<PublishedTable>): SourceFacts => ({
  ...fit,
  tables: [{ ...table, ...change }],
});
const ofPublication = (change: Partial<typeof publication>): SourceFacts => ({
  ...fit,
  publication: { ...publication, ...change },
});

test.each<[string, SourceFacts, RegExp]>([
  ['a standby', { ...fit, inRecovery: true }, /standby/],
  ['another database', { ...fit, databaseName: 'other' }, /but this is other/],
  ['a log without logical decoding', { ...fit, walLevel: 'replica' }, /wal_level is replica/],
  ['no role', { ...fit, role: null }, /no role cdc/],
  ['a weak role', { ...fit, role: { login: true, replication: false } }, /REPLICATION/],
  ['no free slot', { ...fit, slotsFree: 0 }, /max_replication_slots/],
  ['no publication', { ...fit, publication: null, tables: [] }, /no publication afterbuild/],
  ['all tables', ofPublication({ allTables: true }), /FOR ALL TABLES/],
  ['no updates', ofPublication({ update: false }), /insert and update/],
  ['deletes', ofPublication({ delete: true }), /own deletes would come back/],
  ['partitions by themselves', ofPublication({ viaRoot: false }), /publish_via_partition_root/],
  ['a table that is missing', { ...fit, tables: [] }, /does not hold the table public\.a/],
  ['a row filter', ofTable({ rowFilter: '(locked = 0)' }), /row filter.*GitLab stands still/],
  [
    'a list without the key',
    ofTable({ columns: ['id', 'name'] }),
    /lacks its key \(partition_id\)/,
  ],
  ['a partition that is not logged', ofTable({ unlogged: ['a_1'] }), /a_1 is not logged/],
  ['a partition without a key', ofTable({ withoutKey: ['a_1'] }), /a_1 has no key/],
  [
    'a column that is not published',
    ofTable({ columns: ['id', 'partition_id'] }),
    /published: name/,
  ],
])('%s is a problem', (_, facts, expected) => {
  expect(sourceProblems(config, facts, null).join('\n')).toMatch(expected);
});

test('a connector that does not read the key is a problem', () => {
  const blind = { ...config, 'column.include.list': 'public[.]a[.](id|name)' };
  expect(sourceProblems(blind, fit, null)).toEqual([
    "The connector's column list for public.a lacks its key: partition_id.",
  ]);
});

test('a slot of another database or plugin is refused as foreign', () => {
  const foreign = { ...slot, database: 'other' };
  expect(sourceProblems(config, fit, foreign).join()).toMatch(/belongs to something else/);
});

test('all problems are reported together', () => {
  const facts = { ...ofPublication({ delete: true, viaRoot: false }), walLevel: 'replica' };
  expect(sourceProblems(config, facts, null)).toHaveLength(3);
});

test.each([
  ['errors.tolerance', 'all'],
  ['event.processing.failure.handling.mode', 'skip'],
  ['column.exclude.list', 'public[.]a[.]name'],
  ['column.mask.hash.SHA-256.with.salt.x', 'public[.]a[.]name'],
])('a connector whose %s is %s loses changes, and is named', (key, value) => {
  expect(connectorProblems({ ...config, [key]: value }).join()).toContain(key);
});

test('a connector may have settings that change nothing of what arrives', () => {
  const own = {
    'database.sslmode': 'require',
    'slot.failover': 'true',
    'errors.tolerance': 'none',
  };
  expect(connectorProblems({ ...config, ...own })).toEqual([]);
});

test('what is needed must be read by the connector and held by the publication', () => {
  const needs = [
    { name: 'public.a', columns: ['id', 'locked'] },
    { name: 'public.b', columns: ['id'] },
  ];
  expect(connectorProblems(config, needs)).toEqual([
    expect.stringMatching(/does not read locked of public\.a/),
    expect.stringMatching(/does not read public\.b/),
  ]);
  expect(neededProblems(needs, fit)).toEqual([
    expect.stringMatching(/public\.a has no locked any more/),
  ]);
});
