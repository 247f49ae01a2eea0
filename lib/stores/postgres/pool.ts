/** Connections to the source database: bounded in number and in time, each one checked before its first use. */
import { Pool, types, type ClientBase, type PoolClient, type PoolConfig } from 'pg';
import QueryStream from 'pg-query-stream';
import { type Connections, readSecret } from '../../process/config';
import { CarefulClient, type CarefulConfig } from './careful-client';
import { assertAnswers } from './command-tag';
import { PostgresError, translateError } from './errors';

export interface Statement {
  /** Prepared once for each connection under this name; the same name always has the same text. */
  readonly name: string;
  readonly text: string;
}

/** One connection, alone or inside a transaction. */
export interface PostgresSession {
  /** @throws PostgresError, sorted by what helps. */
  query<Row extends object>(statement: Statement, values?: readonly unknown[]): Promise<Row[]>;
}

/** Runs on each new connection before anything else; the caller of a query gets its errors. */
type ConnectionCheck = (session: PostgresSession) => Promise<void>;

export interface PostgresSettings {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  readonly password: string;
  /** Certificate of the authority in PEM; TLS is used, and checked, only when it is given. */
  readonly tlsCa: string | undefined;
  readonly applicationName: string;
  readonly connectionsMax: number;
  readonly connectTimeoutMs: number;
  readonly statementTimeoutMs: number;
  readonly lockTimeoutMs: number;
  /**
   * `force_generic_plan` spares the server planning a statement anew each time, including the checks of its foreign
   * keys (ADR 0015); then good plans must not depend on the values.
   */
  readonly planCacheMode: 'auto' | 'force_generic_plan';
  /** Whether the password is sent in clear text, without TLS, to a server on another machine that asks for it. */
  readonly clearTextPasswords?: 'refuse' | 'allow';
}

type PostgresVariables = Pick<
  Connections,
  | 'POSTGRES_HOST'
  | 'POSTGRES_PORT'
  | 'POSTGRES_DATABASE'
  | 'POSTGRES_USER'
  | 'POSTGRES_PASSWORD_FILE'
  | 'POSTGRES_TLS_CA_FILE'
> &
  Partial<Pick<Connections, 'CLEAR_TEXT_PASSWORDS'>>;

const defaults: Pick<
  PostgresSettings,
  'connectionsMax' | 'connectTimeoutMs' | 'statementTimeoutMs' | 'lockTimeoutMs' | 'planCacheMode'
> = {
  connectionsMax: 4,
  connectTimeoutMs: 10_000,
  statementTimeoutMs: 30_000,
  lockTimeoutMs: 5_000,
  planCacheMode: 'auto',
};

/** @throws ConfigError when a file that the configuration names cannot be read. */
export function postgresSettings(
  config: PostgresVariables,
  applicationName: string,
  limits: Partial<typeof defaults> = {},
): PostgresSettings {
  const caFile = config.POSTGRES_TLS_CA_FILE;
  return {
    host: config.POSTGRES_HOST,
    port: config.POSTGRES_PORT,
    database: config.POSTGRES_DATABASE,
    user: config.POSTGRES_USER,
    password: readSecret('POSTGRES_PASSWORD_FILE', config.POSTGRES_PASSWORD_FILE),
    tlsCa: caFile === undefined ? undefined : readSecret('POSTGRES_TLS_CA_FILE', caFile),
    applicationName,
    clearTextPasswords: config.CLEAR_TEXT_PASSWORDS ?? 'refuse',
    ...defaults,
    ...limits,
  };
}

/** The client gives up a little later than the server: only a server that hangs gets there. */
const answerGraceMs = 5_000;
const closeLimitMs = 5_000;
const streamRows = 500;

export class PostgresPool {
  readonly #pool: Pool;

  /** @param check for example the brake's; a connection that it refuses is closed and never used. */
  constructor(settings: PostgresSettings, check: ConnectionCheck = () => Promise.resolve()) {
    // The pool awaits it before it hands the connection out, though its declared type says void.
    const onConnect = (client: ClientBase): unknown => check(sessionOn(client));
    const careful: CarefulConfig & PoolConfig = {
      Client: CarefulClient,
      allowClearText: settings.clearTextPasswords === 'allow',
      host: settings.host,
      port: settings.port,
      database: settings.database,
      user: settings.user,
      password: settings.password,
      ssl: settings.tlsCa === undefined ? false : { ca: settings.tlsCa },
      application_name: settings.applicationName,
      options: `-c plan_cache_mode=${settings.planCacheMode}`,
      max: settings.connectionsMax,
      connectionTimeoutMillis: settings.connectTimeoutMs,
      statement_timeout: settings.statementTimeoutMs,
      lock_timeout: settings.lockTimeoutMs,
      idle_in_transaction_session_timeout: settings.statementTimeoutMs,
      query_timeout: settings.statementTimeoutMs + answerGraceMs,
      keepAlive: true,
      types: { getTypeParser: parserOf },
      onConnect,
    };
    this.#pool = new Pool(careful);
    // Without listeners an unused connection that breaks would end the process.
    this.#pool.on('error', () => undefined);
    this.#pool.on('connect', (client) => client.on('error', () => undefined));
  }

  /** One statement in a transaction of its own. @throws PostgresError, or the error of the check. */
  query<Row extends object>(statement: Statement, values: readonly unknown[] = []): Promise<Row[]> {
    return this.#lend((session) => session.query<Row>(statement, values), wantsRepeat);
  }

  /** Several statements on one connection; after any failure that connection is closed. */
  withSession<T>(work: (session: PostgresSession) => Promise<T>): Promise<T> {
    return this.#lend(work, () => false);
  }

  /** Several statements in one snapshot: REPEATABLE READ, READ ONLY. */
  readSnapshot<T>(work: (session: PostgresSession) => Promise<T>): Promise<T> {
    return this.withSession(async (session) => {
      await session.query(begin);
      const result = await work(session);
      await session.query(commit);
      return result;
    });
  }

  /**
   * One statement's rows in their order, a few hundred in memory at a time; for long reads give the pool
   * a long statement timeout. The connection is closed when the caller stops early.
   */
  async *stream<Row extends object>(
    statement: Statement,
    values: readonly unknown[] = [],
  ): AsyncGenerator<Row, void, undefined> {
    const client = await this.#connect();
    let finished = false;
    try {
      const types = { getTypeParser: parserOf };
      const rows = client.query(
        new QueryStream(statement.text, [...values], { batchSize: streamRows, types }),
      );
      for await (const row of rows) yield row as Row;
      finished = true;
    } catch (error) {
      throw translateError(error, statement.name);
    } finally {
      client.release(!finished);
    }
  }

  /** Closes idle connections and waits, within a limit, for those in use. */
  async close(): Promise<void> {
    const limit = AbortSignal.timeout(closeLimitMs);
    const expired = new Promise<void>((resolve) => {
      limit.addEventListener('abort', () => resolve());
    });
    await Promise.race([this.#pool.end(), expired]);
  }

  /** @param staysUsable false closes the connection: after a timeout its answer may still come. */
  async #lend<T>(
    work: (session: PostgresSession) => Promise<T>,
    staysUsable: (error: unknown) => boolean,
  ): Promise<T> {
    const client = await this.#connect();
    try {
      const result = await work(sessionOn(client));
      client.release();
      return result;
    } catch (error) {
      client.release(!staysUsable(error));
      throw error;
    }
  }

  async #connect(): Promise<PoolClient> {
    try {
      return await this.#pool.connect();
    } catch (error) {
      throw translateError(error, 'connecting');
    }
  }
}

const wantsRepeat = (error: unknown): boolean =>
  error instanceof PostgresError && error.failure === 'repeat';

const begin: Statement = {
  name: 'begin-snapshot',
  text: 'BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY',
};
const commit: Statement = { name: 'commit', text: 'COMMIT' };

function sessionOn(client: ClientBase): PostgresSession {
  return {
    async query<Row extends object>(statement: Statement, values: readonly unknown[] = []) {
      try {
        const result = await client.query<Row>({
          name: statement.name,
          text: statement.text,
          values: [...values],
        });
        assertAnswers(statement, result);
        return result.rows;
      } catch (error) {
        throw translateError(error, statement.name);
      }
    },
  };
}

const int8Oid = 20;

/** bigint as a number, refused where a number would lie; everything else as the driver does it. */
function parserOf(oid: number, format?: string): (value: string) => unknown {
  return oid === int8Oid ? safeInteger : driversParser(oid, format);
}

type ParserOf = (oid: number, format?: string) => (value: string) => unknown;
const driversParser = types.getTypeParser as ParserOf;

function safeInteger(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) {
    throw new RangeError(`A bigint of PostgreSQL is beyond 2^53 and cannot be used: ${text}`);
  }
  return value;
}
