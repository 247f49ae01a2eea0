/**
 * `afterbuild connect status`: the state of both ends of change data capture, and whether the connector has the wanted
 * configuration.
 */
import { setTimeout as sleep } from 'node:timers/promises';
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
  /** Names of settings on the connector that the file does not have; `connect apply` keeps them. */
  readonly kept: readonly string[];
  /** The running configuration is the one that `connect apply` would set; false without a connector. */
  readonly asConfigured: boolean;
}

interface StatusOptions {
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
  const { breaks, ...health } = await lookTwice(
    () => readCdcHealth({ ...options, slot: settings.slot, pool: options.database, needs }, signal),
    signal,
  );
  const config =
    health.connectorState === 'UNREACHABLE' ? null : await options.client.config(connector);
  const { kept, changed } = mergeConfig(config, connectorConfig(settings));
  const asConfigured = config !== null && changed.length === 0;
  const problems = breaks.map(({ text }) => text);
  if (config !== null && !asConfigured) {
    const wanted = connectorConfig(settings);
    const what = changed.map((key) => difference(key, config[key], wanted[key])).join('; ');
    problems.push(
      `The connector ${connector} is configured differently (${what}): run connect apply, or give the variables the ` +
        'values that it was applied with.',
    );
  }
  return { ...health, problems, connector, asConfigured, kept };
}

const lookAgainMs = 2_000;

/**
 * A running connector confirms a little before its stored position can be read, which looks like a gap: one that moves
 * between two checks is none.
 */
export async function lookTwice(
  look: () => Promise<CdcHealth>,
  signal: AbortSignal,
  wait: Wait = (ms) => sleep(ms, undefined, { signal }),
): Promise<CdcHealth> {
  const first = await look();
  const isAtWork = first.slot?.active === true && first.gap?.streamsOn === true;
  if (!isAtWork) return first;
  await wait(lookAgainMs);
  const second = await look();
  if (second.gap === null || second.gap.storedLsn === first.gap.storedLsn) return second;
  return { ...second, gap: null, breaks: second.breaks.filter(({ isGap }) => isGap !== true) };
}

type Wait = (ms: number) => Promise<unknown>;

const secretName = /password|secret|credential|token|jaas/i;

/** Values that are no secrets, in Connect and by our file and variables. */
export function difference(key: string, is = 'not set', wanted = 'not set'): string {
  return secretName.test(key) ? `${key} differs` : `${key} is ${is}, here it would be ${wanted}`;
}
