/** Decides from the catalogue whether a connector can be applied to a database, before anything is changed. */
import type { ConnectorConfig } from './connect-client';
import { matcherOf } from './name-list';
import type { ReplicationSlot } from '../stores/postgres/replication-slot';
import type { Publication, PublishedTable, SourceFacts } from './source-facts';

/** A table whose changes a producer needs, and the columns that it reads. */
export interface NeededTable {
  /** `schema.table` */
  readonly name: string;
  readonly columns: readonly string[];
}

/** @returns every problem as a sentence that says what to do; empty when the source is fit. */
export function sourceProblems(
  config: ConnectorConfig,
  facts: SourceFacts,
  slot: ReplicationSlot | null,
): string[] {
  return [...serverProblems(config, facts, slot), ...publishedProblems(config, facts)];
}

/** Each problem loses changes for as long as it lasts: changes made meanwhile never arrive. */
export function publishedProblems(config: ConnectorConfig, facts: SourceFacts): string[] {
  return [
    ...publicationProblems(config['publication.name'] ?? '', facts.publication),
    ...(facts.publication === null ? [] : missingTables(config, facts.tables)),
    ...facts.tables.flatMap((table) => tableProblems(config, table)),
  ];
}

/** Values that make Debezium or Connect leave changes out without an error. */
const losing: readonly (readonly [RegExp, RegExp])[] = [
  [/^errors\.tolerance$/, /^all$/i],
  [/^event\.processing\.failure\.handling\.mode$/, /^(skip|ignore|warn)$/i],
  [/^(schema|table|column)\.exclude\.list$/, /./],
  [/^schema\.include\.list$/, /./],
  [/^column\.(mask|truncate)\./, /./],
  [/^message\.key\.columns$/, /./],
];

/**
 * Omissions of the connector itself: settings that lose changes, and needed tables or columns that it does not read.
 * Each loses changes for as long as it lasts.
 */
export function connectorProblems(
  config: ConnectorConfig,
  needs: readonly NeededTable[] = [],
): string[] {
  const reads = {
    table: matcherOf(config['table.include.list']),
    column: matcherOf(config['column.include.list']),
  };
  const lossy = Object.entries(config)
    .filter(([key, value]) => losing.some(([k, v]) => k.test(key) && v.test(value)))
    .map(
      ([key]) =>
        `The connector's setting ${key} leaves changes out: remove it (connect apply --only-file does).`,
    );
  const unread = needs.flatMap(({ name, columns }) => {
    if (!reads.table(name)) return [`The connector does not read ${name}: run connect apply.`];
    const missing = columns.filter((column) => !reads.column(`${name}.${column}`));
    if (missing.length === 0) return [];
    return [`The connector does not read ${missing.join(', ')} of ${name}: run connect apply.`];
  });
  return [...lossy, ...unread];
}

/**
 * A column that a producer needs and the publication does not have any more: its list of columns was replaced by one
 * without it.
 */
export function neededProblems(needs: readonly NeededTable[], facts: SourceFacts): string[] {
  return needs.flatMap(({ name, columns }) => {
    const table = facts.tables.find((one) => one.name === name);
    const gone = columns.filter((column) => table && !table.allColumns.includes(column));
    return gone.length === 0 ? [] : [`${name} has no ${gone.join(', ')} any more.`];
  });
}

export function serverProblems(
  config: ConnectorConfig,
  facts: SourceFacts,
  slot: ReplicationSlot | null,
): string[] {
  const problems: string[] = [];
  const user = config['database.user'] ?? '';
  if (facts.inRecovery) {
    problems.push('This PostgreSQL is a standby: changes are read from the primary only.');
  }
  if (facts.databaseName !== config['database.dbname']) {
    problems.push(
      `The connector is for the database ${config['database.dbname']}, but this is ${facts.databaseName}.`,
    );
  }
  if (facts.walLevel !== 'logical') {
    problems.push(`wal_level is ${facts.walLevel}: set it to logical and restart PostgreSQL.`);
  }
  if (facts.role === null) {
    problems.push(`There is no role ${user}: apply schemas/sql/0001-roles.sql.`);
  } else if (!facts.role.login || !facts.role.replication) {
    problems.push(`The role ${user} needs LOGIN, REPLICATION and CONNECT on this database.`);
  }
  return [...problems, ...slotProblems(facts, slot)];
}

function slotProblems(facts: SourceFacts, slot: ReplicationSlot | null): string[] {
  if (slot === null) {
    if (facts.slotsFree > 0) return [];
    return ['All replication slots are taken: raise max_replication_slots or drop one.'];
  }
  if (slot.plugin === 'pgoutput' && slot.database === facts.databaseName) return [];
  const what = `${slot.plugin ?? 'physical'} on ${slot.database ?? 'no database'}`;
  return [`The slot ${slot.name} belongs to something else (${what}): choose another CDC_SLOT.`];
}

function publicationProblems(name: string, publication: Publication | null): string[] {
  if (publication === null) {
    return [
      `There is no publication ${name}: the tables' owner makes it, see schemas/sql/0008-publication.sql.`,
    ];
  }
  const problems: string[] = [];
  if (publication.allTables) {
    problems.push(`The publication ${name} is FOR ALL TABLES: it must list tables and columns.`);
  }
  if (!publication.insert || !publication.update) {
    problems.push(`The publication ${name} must publish insert and update.`);
  }
  if (publication.delete || publication.truncate) {
    problems.push(
      `The publication ${name} publishes more than insert and update: the pipeline's own deletes would come back as changes.`,
    );
  }
  if (!publication.viaRoot) {
    problems.push(`The publication ${name} needs publish_via_partition_root = true.`);
  }
  return problems;
}

function missingTables(config: ConnectorConfig, tables: readonly PublishedTable[]): string[] {
  return (config['table.include.list'] ?? '')
    .split(',')
    .filter((expression) => !tables.some((table) => matcherOf(expression)(table.name)))
    .map((expression) => {
      const name = expression.replaceAll('[.]', '.');
      return `The publication ${config['publication.name']} does not hold the table ${name}: its owner adds it, see 0008-publication.sql.`;
    });
}

/** With a row filter, or a list without the key, the publication can be created and then GitLab's UPDATEs fail. */
function tableProblems(config: ConnectorConfig, table: PublishedTable): string[] {
  const problems: string[] = [];
  const fails = 'PostgreSQL refuses every UPDATE of such a table, GitLab stands still';
  const published = new Set(table.columns);
  if (table.rowFilter !== null) {
    problems.push(`${table.name} is published with a row filter: remove it (${fails}).`);
  }
  for (const name of table.withoutKey) {
    problems.push(`${name} has no key as its replica identity: set it to DEFAULT (${fails}).`);
  }
  for (const name of table.unlogged) {
    problems.push(
      `${name} is not logged, so its changes are not streamed: ALTER TABLE … SET LOGGED.`,
    );
  }
  const unpublishedKey = table.keyColumns.filter((column) => !published.has(column));
  if (unpublishedKey.length > 0) {
    problems.push(
      `The column list of ${table.name} lacks its key (${unpublishedKey.join(', ')}): add it (${fails}).`,
    );
  }
  return [...problems, ...connectorColumnProblems(config, table, published)];
}

function connectorColumnProblems(
  config: ConnectorConfig,
  table: PublishedTable,
  published: ReadonlySet<string>,
): string[] {
  if (!matcherOf(config['table.include.list'])(table.name)) return [];
  const wants = matcherOf(config['column.include.list']);
  const wanted = table.allColumns.filter((column) => wants(`${table.name}.${column}`));
  const unpublished = wanted.filter((column) => !published.has(column));
  const missingKey = table.keyColumns.filter((column) => !wanted.includes(column));
  const problems: string[] = [];
  if (unpublished.length > 0) {
    problems.push(
      `The connector reads columns of ${table.name} that are not published: ${unpublished.join(', ')}.`,
    );
  }
  if (missingKey.length > 0) {
    problems.push(
      `The connector's column list for ${table.name} lacks its key: ${missingKey.join(', ')}.`,
    );
  }
  return problems;
}
