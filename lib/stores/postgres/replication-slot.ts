/** Reads where a replication slot stands; any role may. */
import type { ReplicationSlot } from '../../connect/slot-gap';
import type { PostgresSession, Statement } from './pool';

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
