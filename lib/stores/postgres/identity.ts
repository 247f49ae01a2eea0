/** Which database this is, and its place in its history: the brake compares both (docs/adr/0004). */
import type { PostgresSession, Statement } from './pool';

export interface DatabaseIdentity {
  /** `pg_control_system()`, in decimal: one per cluster, also shared by its physical copies. */
  readonly systemIdentifier: string;
  readonly databaseName: string;
  /** Timeline of the write-ahead log being written (being replayed, while in recovery). */
  readonly timeline: number;
  /**
   * Bytes of write-ahead log that are safe on disk (replayed, while in recovery). Not what is merely
   * inserted: a crash may lose that, and a record must never be ahead of its own database.
   */
  readonly lsn: number;
  readonly inRecovery: boolean;
}

/**
 * `pg_control_checkpoint()` still names the old timeline after a promotion until a checkpoint ends,
 * so the timeline is read from the name of the log file being written. Both need no privilege.
 */
const identityStatement: Statement = {
  name: 'read-identity',
  text: `
    SELECT system.system_identifier::text AS "systemIdentifier",
           current_database()::text AS "databaseName",
           recovery.active AS "inRecovery",
           CASE WHEN recovery.active
                THEN (SELECT timeline_id::bigint FROM pg_control_checkpoint())
                ELSE ('x' || substr(pg_walfile_name(pg_current_wal_flush_lsn()), 1, 8))::bit(32)::bigint
           END AS "timeline",
           (CASE WHEN recovery.active
                 THEN coalesce(pg_last_wal_replay_lsn(), '0/0'::pg_lsn)
                 ELSE pg_current_wal_flush_lsn()
            END - '0/0'::pg_lsn)::bigint AS "lsn"
    FROM pg_control_system() AS system, (SELECT pg_is_in_recovery() AS active) AS recovery`,
};

/** One round trip. Inside a snapshot the position is that of the moment it is read, not of the snapshot. */
export async function readIdentity(session: PostgresSession): Promise<DatabaseIdentity> {
  const [identity] = await session.query<DatabaseIdentity>(identityStatement);
  if (identity === undefined) throw new Error('PostgreSQL did not say which database it is.');
  return identity;
}
