/**
 * Checks change data capture once, as a chain: the publication with its tables and columns, the slot in PostgreSQL, the
 * connector and its task in Kafka Connect, and the positions of both.
 */
import type { PostgresSession } from '../stores/postgres/pool';
import { readReplicationSlot, type ReplicationSlot } from '../stores/postgres/replication-slot';
import {
  connectorProblems,
  neededProblems,
  publishedProblems,
  serverProblems,
  type NeededTable,
} from './check-source';
import {
  ConnectUnavailableError,
  createConnectClient,
  type ConnectClient,
  type ConnectorConfig,
} from './connect-client';
import { describeGap, slotGap, type SlotGap } from './slot-gap';
import { readSourceFacts } from './source-facts';
import { summarizeTrace } from './summarize-trace';

/** A break in the chain. */
export interface Break {
  /** A sentence that says what is wrong, and what an operator must do, if anything. */
  readonly text: string;
  /** Changes made while it lasts never arrive: a sweep must look for them once it is over. */
  readonly losesChanges: boolean;
  /** From the positions alone: on a running stream one check proves nothing (watchdog.ts). */
  readonly isGap?: true;
}

export interface CdcHealth {
  /** Null when there is no slot of that name. */
  readonly slot: ReplicationSlot | null;
  /** The state in Connect's answer: `RUNNING` alone proves nothing, it stays so while PostgreSQL is down. */
  readonly connectorState: string;
  /** Last position that the connector stored; null when it has none or Connect does not answer. */
  readonly storedLsn: number | null;
  /** Changes that will never arrive: repair sweeps must run. */
  readonly gap: SlotGap | null;
  /** Log that PostgreSQL keeps for the slot; null without a slot or on a standby. */
  readonly lagBytes: number | null;
  /** Empty when all is well. */
  readonly breaks: readonly Break[];
}

interface CdcWatch {
  readonly connectUrl: string;
  readonly connector: string;
  readonly slot: string;
  readonly pool: PostgresSession;
  /** The tables whose changes the producers need. */
  readonly needs: readonly NeededTable[];
  /** Time limit of each request to Connect. */
  readonly timeoutMs?: number;
}

interface ConnectorFacts {
  readonly state: string;
  readonly storedLsn: number | null;
  readonly failure: string | null;
  /** Null when there is no connector, or Connect does not answer. */
  readonly config: ConnectorConfig | null;
}

/**
 * The slot is read before the stored position, so that a running connector never looks like a gap. An unavailable
 * Connect is a finding (`connectorState` UNREACHABLE), not an error.
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
    breaks: [
      ...streamBreaks(watch, slot, connector, gap),
      ...(await sourceBreaks(watch, slot, connector.config)),
    ],
  };
}

async function readConnector(client: ConnectClient, name: string): Promise<ConnectorFacts> {
  const nothing = { storedLsn: null, failure: null, config: null };
  try {
    const status = await client.status(name);
    if (status === null) return { ...nothing, state: 'MISSING' };
    const config = await client.config(name);
    const prefix = config?.['topic.prefix'] ?? '';
    const facts = { ...nothing, config, storedLsn: await client.storedLsn(name, prefix) };
    const parts = [status.connector, ...status.tasks];
    const failed = parts.find((part) => part.state === 'FAILED');
    if (failed) return { ...facts, state: 'FAILED', failure: summarizeTrace(failed.trace) };
    const state = status.tasks.length === 0 ? 'UNASSIGNED' : status.connector.state;
    return { ...facts, state: status.connector.state === 'STOPPED' ? 'STOPPED' : state };
  } catch (error) {
    if (!(error instanceof ConnectUnavailableError)) throw error;
    return { ...nothing, state: 'UNREACHABLE', failure: error.message };
  }
}

function streamBreaks(
  watch: CdcWatch,
  slot: ReplicationSlot | null,
  connector: ConnectorFacts,
  gap: SlotGap | null,
): Break[] {
  const waits: string[] = [];
  if (connector.state !== 'RUNNING') {
    const why = connector.failure === null ? '' : ` (${connector.failure})`;
    waits.push(`The connector ${watch.connector} is ${connector.state}${why}.`);
  }
  if (slot === null) waits.push(`There is no replication slot ${watch.slot}.`);
  else if (!slot.active) waits.push(`No client streams from the replication slot ${watch.slot}.`);
  const breaks: Break[] = waits.map((text) => ({ text, losesChanges: false }));
  if (gap === null) return breaks;
  // Changes in between are lost already; the loss goes on only where the stream cannot continue.
  const next = gap.streamsOn ? '' : ' Run `afterbuild connect apply --begin-anew`.';
  const text = describeGap(gap) + next;
  return [...breaks, { text, losesChanges: !gap.streamsOn, isGap: true }];
}

/** Without its configuration it is unknown what the connector would read; its absence is reported already. */
async function sourceBreaks(
  watch: CdcWatch,
  slot: ReplicationSlot | null,
  config: ConnectorConfig | null,
): Promise<Break[]> {
  if (config === null) return [];
  const publication = config['publication.name'] ?? '';
  const facts = await readSourceFacts(watch.pool, publication, config['database.user'] ?? '');
  const losing = new Set([
    ...publishedProblems(config, facts),
    ...neededProblems(watch.needs, facts),
    ...connectorProblems(config, watch.needs),
  ]);
  return [
    ...[...losing].map((text) => ({ text, losesChanges: true })),
    ...serverProblems(config, facts, slot).map((text) => ({ text, losesChanges: false })),
  ];
}
