/** PostgreSQL: logical decoding on, a password for every role, reachable over the loopback address only. */
import { chownSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Client } from 'pg';
import { readSecretFile } from './data-folder';
import { clearStaleLock } from './postgres-lock';
import { runCommand } from '../fetch/run-command';
import type { Command, Place, Server } from './server';

export const superuser = 'postgres';

const binary = (place: Place, name: string): string =>
  join(place.files.postgres, 'native', 'bin', name);

/** docker-compose.yml has the same settings (ops/docker/compose.test.ts). */
export function databaseSettings(place: Pick<Place, 'ports'>): string {
  return `listen_addresses = '127.0.0.1'
port = ${place.ports.postgres}
unix_socket_directories = ''
max_connections = 200
shared_buffers = 256MB
password_encryption = scram-sha-256
wal_level = logical
max_wal_senders = 40
max_replication_slots = 40
max_slot_wal_keep_size = 2GB
max_wal_size = 2GB
track_io_timing = on
timezone = 'UTC'
log_timezone = 'UTC'
log_line_prefix = '%m [%p] %u@%d '
`;
}

// A logical connection matches its database's line. A `replication` line would let its role copy the whole
// cluster, so only the superuser has one: the CDC role must not be able to.
const hostAccess = `host all all 127.0.0.1/32 scram-sha-256
host replication ${superuser} 127.0.0.1/32 scram-sha-256
`;

async function initialise(place: Place): Promise<void> {
  const { postgresDir, databaseUser: user } = place;
  const passwordFile = `${postgresDir}.password`;
  writeFileSync(passwordFile, readSecretFile(place.dataDir, 'postgres-superuser'), { mode: 0o600 });
  if (user !== undefined) chownSync(passwordFile, user.uid, user.gid);
  try {
    await runCommand(
      binary(place, 'initdb'),
      [
        ...['--pgdata', postgresDir, '--username', superuser, '--pwfile', passwordFile],
        ...['--auth', 'scram-sha-256', '--encoding', 'UTF8', '--locale', 'C'],
      ],
      { timeoutMs: 120_000, cwd: '/', ...(user && { uid: user.uid, gid: user.gid }) },
    );
  } finally {
    rmSync(passwordFile, { force: true });
  }
}

function writeAs(place: Place, name: string, text: string): void {
  const path = join(place.postgresDir, name);
  writeFileSync(path, text, { mode: 0o600 });
  if (place.databaseUser) chownSync(path, place.databaseUser.uid, place.databaseUser.gid);
}

/** The superuser's connection, for the readiness check and for the set-up of the database. */
function superuserConnection(place: Pick<Place, 'dataDir' | 'ports'>) {
  return {
    host: '127.0.0.1',
    port: place.ports.postgres,
    user: superuser,
    database: superuser,
    password: readSecretFile(place.dataDir, 'postgres-superuser'),
    connectionTimeoutMillis: 2_000,
    query_timeout: 3_000,
  };
}

/** @returns the system identifier, unique for each cluster. */
export async function systemIdentifier(place: Pick<Place, 'dataDir' | 'ports'>): Promise<string> {
  const client = new Client(superuserConnection(place));
  client.on('error', () => undefined);
  try {
    await client.connect();
    const answer = await client.query<{ id: string }>(
      'SELECT system_identifier::text AS id FROM pg_control_system()',
    );
    return answer.rows[0]?.id ?? '';
  } finally {
    await client.end().catch(() => undefined);
  }
}

export const postgres: Server = {
  title: 'PostgreSQL',
  async configure(place) {
    const { postgresDir, databaseUser: user } = place;
    mkdirSync(dirname(postgresDir), { recursive: true });
    mkdirSync(postgresDir, { recursive: true, mode: 0o700 });
    if (user !== undefined) chownSync(postgresDir, user.uid, user.gid);
    if (!existsSync(join(postgresDir, 'PG_VERSION'))) await initialise(place);
    await clearStaleLock(postgresDir);
    writeAs(place, 'postgresql.conf', databaseSettings(place));
    writeAs(place, 'pg_hba.conf', hostAccess);
  },
  start: (place): Command => ({
    file: binary(place, 'postgres'),
    args: ['-D', place.postgresDir],
    user: place.databaseUser,
  }),
  ready: (place) =>
    systemIdentifier(place).then(
      (id) => id !== '',
      () => false,
    ),
  // SIGINT is PostgreSQL's fast shutdown: sessions are cut, nothing is lost.
  stop: { signal: 'SIGINT', graceMs: 30_000 },
};
