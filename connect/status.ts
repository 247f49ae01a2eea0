/** `afterbuild connect status`: both ends of change data capture, and whether the connector is as wanted. */
import { readCdcHealth, type CdcHealth } from '../lib/connect/cdc-health';
import type { ConnectClient } from '../lib/connect/connect-client';
import type { PostgresSession } from '../lib/stores/postgres/pool';
import { sameConfig } from './apply';
import { connectorConfig, type ConnectorSettings } from './connector-config';

export interface ConnectorReport extends CdcHealth {
  readonly connector: string;
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
  const health = await readCdcHealth(
    { ...options, slot: settings.slot, pool: options.database },
    signal,
  );
  const config =
    health.connectorState === 'UNREACHABLE' ? null : await options.client.config(connector);
  const asConfigured = config !== null && sameConfig(config, connectorConfig(settings));
  const differs = config !== null && !asConfigured;
  const problems = differs
    ? [
        ...health.problems,
        `The connector ${connector} is configured differently: run connect apply.`,
      ]
    : health.problems;
  return { ...health, problems, connector, asConfigured };
}
