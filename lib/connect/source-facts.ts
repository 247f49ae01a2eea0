/** Reads from PostgreSQL's catalogue: the publication, its tables and the role that streams them. */
import type { PostgresSession, Statement } from '../stores/postgres/pool';

export interface PublishedTable {
  /** `schema.table` */
  readonly name: string;
  readonly columns: readonly string[];
  readonly rowFilter: string | null;
  /** Columns of the replica identity, of the root and of all its partitions. */
  readonly keyColumns: readonly string[];
  /** Tables of the tree whose replica identity is not a key (FULL or NOTHING). */
  readonly withoutKey: readonly string[];
  /** Tables of the tree that are not logged, so that none of their changes is streamed. */
  readonly unlogged: readonly string[];
  readonly allColumns: readonly string[];
}

export interface SourceFacts {
  readonly databaseName: string;
  readonly inRecovery: boolean;
  readonly walLevel: string;
  readonly slotsFree: number;
  /** Of the role that asks. */
  readonly user: string;
  readonly mayDropSlots: boolean;
  readonly role: { readonly login: boolean; readonly replication: boolean } | null;
  readonly publication: Publication | null;
  readonly tables: readonly PublishedTable[];
}

export interface Publication {
  readonly allTables: boolean;
  readonly insert: boolean;
  readonly update: boolean;
  readonly delete: boolean;
  readonly truncate: boolean;
  readonly viaRoot: boolean;
}

const serverStatement: Statement = {
  name: 'read-source-server',
  text: `
    SELECT current_database()::text AS "databaseName", pg_is_in_recovery() AS "inRecovery",
           current_setting('wal_level') AS "walLevel",
           current_setting('max_replication_slots')::int
             - (SELECT count(*)::int FROM pg_replication_slots) AS "slotsFree",
           current_user::text AS "user",
           (SELECT rolreplication OR rolsuper FROM pg_roles WHERE rolname = current_user)
             AS "mayDropSlots"`,
};

const roleStatement: Statement = {
  name: 'read-source-role',
  text: `
    SELECT rolcanlogin AND has_database_privilege(oid, current_database(), 'CONNECT') AS "login",
           rolreplication OR rolsuper AS "replication"
    FROM pg_roles
    WHERE rolname = $1`,
};

const publicationStatement: Statement = {
  name: 'read-publication',
  text: `
    SELECT puballtables AS "allTables", pubinsert AS "insert", pubupdate AS "update",
           pubdelete AS "delete", pubtruncate AS "truncate", pubviaroot AS "viaRoot"
    FROM pg_publication
    WHERE pubname = $1`,
};

/** The replica identity of the row's own partition decides whether an UPDATE is refused, so all are read. */
const tablesStatement: Statement = {
  name: 'read-published-tables',
  text: `
    WITH published AS (
      SELECT format('%s.%s', schemaname, tablename) AS name, attnames, rowfilter,
             class.oid AS root
      FROM pg_publication_tables
      JOIN pg_namespace AS space ON space.nspname = schemaname
      JOIN pg_class AS class ON class.relnamespace = space.oid AND class.relname = tablename
      WHERE pubname = $1
    ), tree AS (
      SELECT published.root, member.oid, member.relreplident, member.relpersistence
      FROM published
      JOIN pg_class AS member
        ON member.oid = published.root
        OR member.oid IN (SELECT relid FROM pg_partition_tree(published.root::regclass))
    )
    SELECT published.name AS "name", published.attnames::text[] AS "columns",
           published.rowfilter AS "rowFilter",
           ARRAY(SELECT DISTINCT attribute.attname::text
                 FROM tree
                 JOIN pg_index AS identity
                   ON identity.indrelid = tree.oid
                  AND CASE tree.relreplident WHEN 'd' THEN identity.indisprimary
                                             WHEN 'i' THEN identity.indisreplident
                                             ELSE false END
                 JOIN pg_attribute AS attribute
                   ON attribute.attrelid = tree.oid AND attribute.attnum = ANY (identity.indkey)
                 WHERE tree.root = published.root) AS "keyColumns",
           ARRAY(SELECT tree.oid::regclass::text
                 FROM tree
                 WHERE tree.root = published.root AND tree.relreplident IN ('f', 'n')
                ) AS "withoutKey",
           ARRAY(SELECT tree.oid::regclass::text
                 FROM tree
                 WHERE tree.root = published.root AND tree.relpersistence <> 'p'
                ) AS "unlogged",
           ARRAY(SELECT attname::text
                 FROM pg_attribute
                 WHERE attrelid = published.root AND attnum > 0 AND NOT attisdropped
                ) AS "allColumns"
    FROM published`,
};

/** Needs no privilege beyond CONNECT. @throws PostgresError */
export async function readSourceFacts(
  session: PostgresSession,
  publication: string,
  role: string,
): Promise<SourceFacts> {
  type Server = Omit<SourceFacts, 'role' | 'publication' | 'tables'>;
  const [server] = await session.query<Server>(serverStatement);
  if (server === undefined) throw new Error('PostgreSQL did not say which database it is.');
  const [found] = await session.query<Publication>(publicationStatement, [publication]);
  const roles = await session.query<NonNullable<SourceFacts['role']>>(roleStatement, [role]);
  const tables = await session.query<PublishedTable>(tablesStatement, [publication]);
  return { ...server, role: roles[0] ?? null, publication: found ?? null, tables };
}
