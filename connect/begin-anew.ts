/** Deletes the connector's offsets, for the case that PostgreSQL can no longer send from there. */
import type { ConnectClient } from '../lib/connect/connect-client';
import type { ReplicationSlot } from '../lib/stores/postgres/replication-slot';
import type { SlotGap } from '../lib/connect/slot-gap';
import type { Clock } from '../lib/process/clock';
import type { PostgresSession, Statement } from '../lib/stores/postgres/pool';
import { NotStreamingError } from './await-streaming';

interface Anew {
  readonly client: ConnectClient;
  readonly connector: string;
  readonly database: PostgresSession;
  readonly gap: SlotGap | null;
  readonly readSlot: () => Promise<ReplicationSlot | null>;
  readonly clock: Clock;
  readonly limitMs: number;
  readonly report: (line: string) => void;
}

const dropSlotStatement: Statement = {
  name: 'drop-replication-slot',
  text: 'SELECT pg_drop_replication_slot($1)',
};

/**
 * Stops the connector and deletes its offsets; leaves it stopped. A slot that can still be streamed from is kept, and
 * the connector begins at its position. Debezium creates an invalid or missing slot anew: changes committed up to then
 * are never sent, so a full sweep must follow.
 *
 * @throws PostgresError when the role may not drop the invalid slot.
 */
export async function beginAnew(anew: Anew, signal: AbortSignal): Promise<void> {
  const { client, connector, report } = anew;
  await client.stop(connector);
  await until(anew, () => isStopped(anew), 'the connector stops', signal);
  if (anew.gap?.kind === 'slot-invalid') {
    const slot = await anew.readSlot();
    if (slot !== null) await anew.database.query(dropSlotStatement, [slot.name]);
    report('the invalid slot is dropped; Debezium makes a new one');
  }
  await client.deleteOffsets(connector);
  report(`the stored position of ${connector} is forgotten`);
}

async function isStopped(anew: Anew): Promise<boolean> {
  const status = await anew.client.status(anew.connector);
  if (status?.connector.state !== 'STOPPED' || status.tasks.length > 0) return false;
  const slot = await anew.readSlot();
  return slot?.active !== true;
}

async function until(
  anew: Anew,
  holds: () => Promise<boolean>,
  what: string,
  signal: AbortSignal,
): Promise<void> {
  const deadlineMs = anew.clock.nowMs() + anew.limitMs;
  while (!(await holds())) {
    if (anew.clock.nowMs() >= deadlineMs) {
      throw new NotStreamingError(`Waited ${anew.limitMs / 1000} s without success until ${what}.`);
    }
    await anew.clock.sleep(200, signal);
  }
}
