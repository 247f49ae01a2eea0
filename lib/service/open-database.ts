/** Opens GitLab's database for a process, and checks at the start that it is the configured one. */
import { Brake } from '../brake/brake';
import { refuseDatabase, type ExpectedDatabase } from '../brake/decide';
import { ConfigError, type Connections } from '../process/config';
import { readIdentity, type DatabaseIdentity } from '../stores/postgres/identity';
import {
  PostgresPool,
  postgresSettings,
  type PostgresSession,
  type PostgresSettings,
} from '../stores/postgres/pool';
import type { GroupContext, GroupSettings } from './run-group';
import { untilReachable } from './until-reachable';

type DatabaseSettings = GroupSettings &
  Parameters<typeof postgresSettings>[0] &
  Pick<Connections, 'POSTGRES_SYSTEM_IDENTIFIER'>;

type Limits = Partial<Omit<PostgresSettings, 'host' | 'port'>> & {
  readonly connectionsMax: number;
};

export const expectedDatabase = (
  config: Pick<Connections, 'POSTGRES_SYSTEM_IDENTIFIER' | 'POSTGRES_DATABASE'>,
): ExpectedDatabase => ({
  systemIdentifier: config.POSTGRES_SYSTEM_IDENTIFIER,
  databaseName: config.POSTGRES_DATABASE,
});

/**
 * For reading. While the process runs, a standby or another database only holds its work
 * (`lib/brake/database-guard.ts`).
 * @throws ConfigError when it is another database than the configured one, or a standby.
 */
export async function openDatabase(
  context: GroupContext<DatabaseSettings>,
  limits: Limits,
): Promise<PostgresPool> {
  const { config, name, closeAtEnd } = context;
  const pool = new PostgresPool(postgresSettings(config, name, limits));
  closeAtEnd(() => pool.close());
  const refusal = refuseDatabase(await reach(pool, context), expectedDatabase(config));
  if (refusal !== undefined) throw new ConfigError(refusal);
  return pool;
}

/**
 * For writing: the brake checks each new connection.
 * @param onConnect called with each connection that the brake has passed, before its first use.
 * @throws BrakeError when it is another database than the configured one, or a standby.
 */
export async function openBrakedDatabase(
  context: GroupContext<DatabaseSettings>,
  limits: Limits,
  onConnect: (session: PostgresSession) => Promise<void> = () => Promise.resolve(),
): Promise<{ readonly connections: PostgresPool; readonly brake: Brake }> {
  const { config, clock, name, closeAtEnd, countsAbsence } = context;
  const brake: Brake = new Brake({
    expected: expectedDatabase(config),
    countsAbsence,
    nowMs: () => clock.nowMs(),
    readIdentity: () => connections.withSession(readIdentity),
  });
  const connections: PostgresPool = new PostgresPool(
    postgresSettings(config, name, limits),
    async (session) => {
      await brake.checkConnection(() => readIdentity(session));
      await onConnect(session);
    },
  );
  closeAtEnd(() => connections.close());
  await reach(connections, context);
  return { connections, brake };
}

const reach = (
  pool: PostgresPool,
  { config, waiting }: GroupContext<DatabaseSettings>,
): Promise<DatabaseIdentity> =>
  untilReachable(
    `PostgreSQL at ${config.POSTGRES_HOST}:${config.POSTGRES_PORT}`,
    () => pool.withSession(readIdentity),
    waiting,
  );
