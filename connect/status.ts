/** `afterbuild connect status`: both ends of change data capture, and whether the connector is as wanted. */
import { readCdcHealth, type CdcHealth } from '../lib/connect/cdc-health';
import type { ConnectClient } from '../lib/connect/connect-client';
import { artifactTable, buildTable } from '../lib/connect/needed-tables';
import type { PostgresSession } from '../lib/stores/postgres/pool';
import { mergeConfig } from './apply';
import { connectorConfig, type ConnectorSettings } from './connector-config';

export interface ConnectorReport extends Omit<CdcHealth, 'breaks'> {
  readonly connector: string;
  /** Sentences that say what is wrong and what to do; empty when all is well. */
  readonly problems: readonly string[];
  /** Names of settings that are on the connector and not in the file; `connect apply` keeps them. */
  readonly kept: readonly string[];
  /** The running configuration is the one that `connect apply` would put; false without a connector. */
  readonly asConfigured: boolean;
}

export interface StatusOptions {
  readonly client: ConnectClient;
  readonly connectUrl: string;
  readonly connector: string;
  readonly settings: ConnectorSettings;
  readonly database: PostgresSession;
}

/** @throws PostgresError when the database does not answer. */
export async function readConnectorStatus(
  options: StatusOptions,
  signal: AbortSignal,
): Promise<ConnectorReport> {
  const { connector, settings } = options;
  const needs = [buildTable, artifactTable];
  const { breaks, ...health } = await readCdcHealth(
    { ...options, slot: settings.slot, pool: options.database, needs },
    signal,
  );
  const config =
    health.connectorState === 'UNREACHABLE' ? null : await options.client.config(connector);
  const { kept, changed } = mergeConfig(config, connectorConfig(settings));
  const asConfigured = config !== null && changed.length === 0;
  const problems = breaks.map(({ text }) => text);
  if (config !== null && !asConfigured) {
    const what = changed.join(', ');
    problems.push(
      `The connector ${connector} is configured differently (${what}): run connect apply.`,
    );
  }
  return { ...health, problems, connector, asConfigured, kept };
}
