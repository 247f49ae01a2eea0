/**
 * Applies the connector to Kafka Connect: it checks first, changes only what differs, and is done when changes stream.
 */
import {
  ConnectSilentError,
  ConnectUnavailableError,
  type ConnectClient,
  type ConnectorConfig,
} from '../lib/connect/connect-client';
import { connectorProblems, sourceProblems } from '../lib/connect/check-source';
import { describeGap, slotGap, type SlotGap } from '../lib/connect/slot-gap';
import { readSourceFacts } from '../lib/connect/source-facts';
import type { Clock } from '../lib/process/clock';
import type { PostgresSession } from '../lib/stores/postgres/pool';
import { readReplicationSlot, type ReplicationSlot } from '../lib/stores/postgres/replication-slot';
import { awaitStreaming } from './await-streaming';
import { beginAnew } from './begin-anew';
import { connectorConfig, type ConnectorSettings } from './connector-config';
import { whySilent } from './why-silent';

/** The database or the workers cannot be used for the connector; nothing was changed. */
export class SourceNotFitError extends Error {
  override readonly name = 'SourceNotFitError';

  constructor(readonly problems: readonly string[]) {
    super(`The connector was not applied:\n${problems.map((line) => `- ${line}`).join('\n')}`);
  }
}

/** Debezium cannot go on from where it stopped, and only an operator may decide to begin anew. */
export class PositionLostError extends Error {
  override readonly name = 'PositionLostError';

  constructor(readonly gap: SlotGap) {
    super(
      `${describeGap(gap)} Run \`afterbuild connect apply --begin-anew\`: it streams from now on, ` +
        'and a full sweep then finds what was missed.',
    );
  }
}

export interface ApplyOptions {
  readonly client: ConnectClient;
  /** The connector's name. */
  readonly connector: string;
  readonly settings: ConnectorSettings;
  /** Any role may check; dropping an invalid slot (`beginAnew`) needs REPLICATION. */
  readonly database: PostgresSession;
  readonly beginAnew: boolean;
  /** Settings on the connector beside those of the file are removed instead of kept. */
  readonly onlyFile: boolean;
  /** How long to wait for the stream, and for the workers to settle. */
  readonly limitMs: number;
  readonly clock: Clock;
  readonly report: (line: string) => void;
}

export interface ApplyResult {
  readonly change: 'created' | 'updated' | 'unchanged';
  /** Names of settings that are on the connector and not in the file. */
  readonly kept: readonly string[];
  /** Changes that were lost before this call: the repair sweeps must run. */
  readonly gap: SlotGap | null;
  readonly slot: ReplicationSlot;
}

/**
 * Idempotent: a connector with the wanted configuration is neither changed nor restarted, only checked.
 *
 * @throws SourceNotFitError PositionLostError NotStreamingError ConnectRefusedError
 * @throws ConnectUnavailableError PostgresError when a server does not answer.
 */
export async function applyConnector(
  options: ApplyOptions,
  signal: AbortSignal,
): Promise<ApplyResult> {
  const { client, connector, settings, report } = options;
  const file = connectorConfig(settings);
  const readSlot = (): Promise<ReplicationSlot | null> =>
    readReplicationSlot(options.database, settings.slot);
  const slot = await readSlot();
  const current = await settled(options, () => client.config(connector), signal);
  const merged = mergeConfig(current, file, options.onlyFile);
  const { config, kept } = merged;
  await check(options, config, slot);
  sayMerged(merged, report);
  const change = changeOf(current, merged);
  if (change === 'created') {
    // Created stopped: offsets outlive a connector of the same name, so there may be a position to compare first.
    await settled(options, () => client.createStopped(connector, config), signal);
  }
  const gap = await gapOf(options, config, slot, signal);
  if (options.beginAnew) await beginAnew({ ...options, gap, readSlot }, signal);
  else if (gap?.streamsOn === false) throw new PositionLostError(gap);
  const formerPid = change === 'updated' ? (slot?.activePid ?? null) : null;
  if (change === 'updated') await client.putConfig(connector, config);
  report(`the connector ${connector} is ${change}`);
  await setGoing(options, signal);
  const streaming = await awaitStreaming(
    { ...options, slotName: settings.slot, readSlot, formerPid },
    signal,
  );
  report(`the connector ${connector} streams from the slot ${settings.slot}`);
  return { change, kept, gap, slot: streaming };
}

async function gapOf(
  options: ApplyOptions,
  config: ConnectorConfig,
  slot: ReplicationSlot | null,
  signal: AbortSignal,
): Promise<SlotGap | null> {
  const { client, connector, report } = options;
  const prefix = config['topic.prefix'] ?? '';
  const stored = await settled(options, () => client.storedLsn(connector, prefix), signal);
  const gap = slotGap(stored, slot);
  if (gap !== null) report(describeGap(gap));
  return gap;
}

function sayMerged({ kept, changed }: MergedConfig, report: (line: string) => void): void {
  if (kept.length > 0) report(`kept, though not in the file: ${kept.join(', ')}`);
  if (changed.length > 0) report(`set as the file says: ${changed.join(', ')}`);
}

function changeOf(current: ConnectorConfig | null, merged: MergedConfig): ApplyResult['change'] {
  if (current === null) return 'created';
  return merged.changed.length === 0 ? 'unchanged' : 'updated';
}

async function check(
  options: ApplyOptions,
  config: ConnectorConfig,
  slot: ReplicationSlot | null,
): Promise<void> {
  const { publication, databaseUser } = options.settings;
  const facts = await readSourceFacts(options.database, publication, databaseUser);
  const problems = [...sourceProblems(config, facts, slot), ...connectorProblems(config)];
  const mustDrop = options.beginAnew && slotGap(null, slot)?.kind === 'slot-invalid';
  if (mustDrop && !facts.mayDropSlots) {
    problems.push(
      `The role ${facts.user} may not drop the lost slot: set POSTGRES_USER to one that has REPLICATION, like ${databaseUser}.`,
    );
  }
  const wanted = config['connector.class'] ?? '';
  if (!(await options.client.connectorPlugins()).includes(wanted)) {
    problems.push(`Kafka Connect has no ${wanted}: put Debezium's archive below its plugin.path.`);
  }
  if (problems.length > 0) throw new SourceNotFitError(problems);
  options.report('the publication, its tables, the role and the slot are as they must be');
}

interface MergedConfig {
  readonly config: ConnectorConfig;
  readonly kept: readonly string[];
  /** Names of settings of the connector that differ from the file, or are removed. */
  readonly changed: readonly string[];
}

/**
 * The file's settings override those of the connector. Settings that the file does not name are an operator's
 * (`database.sslmode`, `slot.failover`), and stay.
 */
export function mergeConfig(
  current: ConnectorConfig | null,
  file: ConnectorConfig,
  onlyFile = false,
): MergedConfig {
  const own = Object.keys(current ?? {}).filter((key) => !(key in file));
  const kept = onlyFile ? [] : own;
  const config = { ...Object.fromEntries(kept.map((key) => [key, current?.[key] ?? ''])), ...file };
  const differing = Object.keys(file).filter((key) => current?.[key] !== file[key]);
  const changed = current === null ? [] : [...differing, ...(onlyFile ? own : [])];
  return { config, kept, changed };
}

async function setGoing(options: ApplyOptions, signal: AbortSignal): Promise<void> {
  const { client, connector } = options;
  const status = await settled(options, () => client.status(connector), signal);
  const parts = status === null ? [] : [status.connector, ...status.tasks];
  if (parts.some((part) => part.state === 'FAILED')) await client.restartFailed(connector);
  const rests = status === null || ['STOPPED', 'PAUSED'].includes(status.connector.state);
  if (rests) await settled(options, () => client.resume(connector), signal);
}

/** Rebalancing workers refuse for a few seconds; the same request then succeeds. */
async function settled<T>(
  options: ApplyOptions,
  ask: () => Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  const deadlineMs = options.clock.nowMs() + options.limitMs;
  for (let silences = 0; ;) {
    try {
      return await ask();
    } catch (given) {
      const error =
        given instanceof ConnectSilentError ? await whySilent(options.client, given) : given;
      const passes = error instanceof ConnectUnavailableError;
      if (!passes || options.clock.nowMs() >= deadlineMs) throw error;
      if (given instanceof ConnectSilentError && silences++ === 0) options.report(error.message);
      await options.clock.sleep(500, signal);
    }
  }
}
