/** Reads the position of a replication slot; any role may. */
import type { PostgresSession, Statement } from './pool';

/** A position in the write-ahead log is a number of bytes (`lsn - '0/0'`), exact up to 9 petabytes. */
export interface ReplicationSlot {
  readonly name: string;
  readonly plugin: string | null;
  readonly database: string | null;
  /** A client streams from it at this moment. */
  readonly active: boolean;
  /** Process id of the server that streams; a new one means that the stream was interrupted. */
  readonly activePid: number | null;
  /** `lost`: the server has removed log that the slot needed, or has invalidated the slot. */
  readonly walStatus: string | null;
  /** Oldest position that decoding still needs; null when the slot is invalidated. */
  readonly restartLsn: number | null;
  /** Changes committed before this position are never sent again. */
  readonly confirmedFlushLsn: number | null;
  /** Log written since `confirmedFlushLsn`; null on a standby. */
  readonly lagBytes: number | null;
}

const slotStatement: Statement = {
  name: 'read-replication-slot',
  text: `
    SELECT slot_name AS "name", plugin AS "plugin", database AS "database", active AS "active",
           active_pid AS "activePid", wal_status AS "walStatus",
           (restart_lsn - '0/0'::pg_lsn)::bigint AS "restartLsn",
           (confirmed_flush_lsn - '0/0'::pg_lsn)::bigint AS "confirmedFlushLsn",
           CASE WHEN NOT pg_is_in_recovery()
                THEN (pg_current_wal_flush_lsn() - confirmed_flush_lsn)::bigint
           END AS "lagBytes"
    FROM pg_replication_slots
    WHERE slot_name = $1`,
};

/** @returns null when there is no slot of that name. */
export async function readReplicationSlot(
  session: PostgresSession,
  name: string,
): Promise<ReplicationSlot | null> {
  const [slot] = await session.query<ReplicationSlot>(slotStatement, [name]);
  return slot ?? null;
}
