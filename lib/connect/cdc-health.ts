/** One look at change data capture, from both of its ends: the slot in PostgreSQL and the connector in Kafka Connect. */
import type { PostgresSession } from '../stores/postgres/pool';
import { readReplicationSlot } from '../stores/postgres/replication-slot';
import { ConnectUnavailableError, createConnectClient, type ConnectClient } from './connect-client';
import { describeGap, slotGap, type ReplicationSlot, type SlotGap } from './slot-gap';

export interface CdcHealth {
  /** Null when there is no slot of that name. */
  readonly slot: ReplicationSlot | null;
  /** What Connect says: `RUNNING` alone proves nothing, it stays so while PostgreSQL is down. */
  readonly connectorState: string;
  /** Last position that the connector stored; null when it has none or Connect does not answer. */
  readonly storedLsn: number | null;
  /** Changes that will never arrive: repair sweeps must run. */
  readonly gap: SlotGap | null;
  /** Log that PostgreSQL keeps for the slot; null without a slot or on a standby. */
  readonly lagBytes: number | null;
  /** Sentences for a person; empty when all is well. */
  readonly problems: readonly string[];
}

export interface CdcWatch {
  readonly connectUrl: string;
  readonly connector: string;
  readonly slot: string;
  readonly pool: Pick<PostgresSession, 'query'>;
  /** For each request to Connect. */
  readonly timeoutMs?: number;
}

interface ConnectorFacts {
  readonly state: string;
  readonly storedLsn: number | null;
  readonly failure: string | null;
}

/**
 * The slot is read before the stored position, so that a connector at work never looks like a gap.
 * A Connect that does not answer is a finding (`connectorState` UNREACHABLE), not an error.
 *
 * @throws PostgresError when the database does not answer; the signal's reason when it aborts.
 */
export async function readCdcHealth(watch: CdcWatch, signal?: AbortSignal): Promise<CdcHealth> {
  const slot = await readReplicationSlot(watch.pool, watch.slot);
  const client = createConnectClient(watch.connectUrl, watch.timeoutMs ?? 5_000, signal);
  const connector = await readConnector(client, watch.connector);
  const gap =
    connector.state === 'UNREACHABLE' ? slotGap(null, slot) : slotGap(connector.storedLsn, slot);
  return {
    slot,
    connectorState: connector.state,
    storedLsn: connector.storedLsn,
    gap,
    lagBytes: slot?.lagBytes ?? null,
    problems: problemsOf(watch, slot, connector, gap),
  };
}

async function readConnector(client: ConnectClient, name: string): Promise<ConnectorFacts> {
  try {
    const status = await client.status(name);
    if (status === null) return { state: 'MISSING', storedLsn: null, failure: null };
    const parts = [status.connector, ...status.tasks];
    const failed = parts.find((part) => part.state === 'FAILED');
    const storedLsn = await client.storedLsn(name);
    if (failed) return { state: 'FAILED', storedLsn, failure: summarizeTrace(failed.trace) };
    const state = status.tasks.length === 0 ? 'UNASSIGNED' : status.connector.state;
    return {
      state: status.connector.state === 'STOPPED' ? 'STOPPED' : state,
      storedLsn,
      failure: null,
    };
  } catch (error) {
    if (!(error instanceof ConnectUnavailableError)) throw error;
    return { state: 'UNREACHABLE', storedLsn: null, failure: error.message };
  }
}

function problemsOf(
  watch: CdcWatch,
  slot: ReplicationSlot | null,
  connector: ConnectorFacts,
  gap: SlotGap | null,
): string[] {
  const problems: string[] = [];
  if (connector.state !== 'RUNNING') {
    const why = connector.failure === null ? '' : ` (${connector.failure})`;
    problems.push(`The connector ${watch.connector} is ${connector.state}${why}.`);
  }
  if (slot === null) problems.push(`There is no replication slot ${watch.slot}.`);
  else if (!slot.active) problems.push(`Nobody streams from the replication slot ${watch.slot}.`);
  if (gap !== null) problems.push(describeGap(gap));
  return problems;
}

/** The sentence that says why, out of a Java stack trace: the last cause, else the first line. */
export function summarizeTrace(trace: string | undefined): string {
  const lines = (trace ?? '').split('\n').map((line) => line.trim());
  const causes = lines.filter((line) => line.startsWith('Caused by: '));
  const said = (causes.at(-1) ?? lines[0] ?? '').replace(/^Caused by: /, '');
  // The class in front of the sentence says little, unless it is all there is.
  const sentence = said.replace(/^[\w.$]+(Exception|Error): (?=.)/, '');
  return sentence === '' ? 'Connect gave no reason' : sentence.slice(0, 500);
}
