/** `afterbuild connect apply|status`: Debezium's connector, applied from its file and watched. */
import type { Command } from 'commander';
import { applyConnector, type ApplyResult } from '../connect/apply';
import type { ConnectorSettings } from '../connect/connector-config';
import { readConnectorStatus, type ConnectorReport } from '../connect/status';
import { createConnectClient } from '../lib/connect/connect-client';
import { describeGap, formatLsn } from '../lib/connect/slot-gap';
import { systemClock } from '../lib/process/clock';
import { ConfigError, connectSchema, loadConfig } from '../lib/process/config';
import { readIdentity } from '../lib/stores/postgres/identity';
import { PostgresPool, postgresSettings } from '../lib/stores/postgres/pool';
import { action } from './action';
import { exitCodes, type ExitCode } from './exit-codes';
import { httpOf, postgresOf, reach } from './reach';
import { jsonOption, printProgress, printResult, type OutputOptions } from './output';

type Config = ReturnType<typeof loadConfig<typeof connectSchema>>;

const requestLimitMs = 15_000;
/** Connect's word for `default.replication.factor` of the brokers. */
const brokersDefault = -1;

export function addConnectCommand(program: Command): void {
  const connect = program
    .command('connect')
    .description('the connector that streams changes from PostgreSQL');
  connect
    .command('apply')
    .description('check the source, apply connect/afterbuild-source.json, wait until it streams')
    .option(
      '--begin-anew',
      "forget the stored position and stream from the slot's position, or from now if the slot is lost; only a full " +
        'sweep finds the changes in between',
    )
    .option(
      '--only-file',
      'remove settings of the connector that the file does not have, instead of keeping them',
    )
    .option(...jsonOption)
    .action(action(apply));
  connect
    .command('status')
    .description('slot, connector and stored position; exit code 1 when changes may not arrive')
    .option(...jsonOption)
    .action(action(status));
}

async function apply(
  options: OutputOptions & { beginAnew?: boolean; onlyFile?: boolean },
  signal: AbortSignal,
): Promise<ExitCode> {
  const config = loadConfig(connectSchema, process.env);
  const result = await withServers(config, signal, (database) =>
    applyConnector(
      {
        ...place(config, signal),
        database,
        beginAnew: options.beginAnew === true,
        onlyFile: options.onlyFile === true,
        limitMs: config.CDC_APPLY_LIMIT_MS,
        clock: systemClock,
        report: printProgress,
      },
      signal,
    ),
  );
  printResult(options, result, applied(config.CDC_CONNECTOR, result));
  return result.gap === null ? exitCodes.ok : exitCodes.changesLost;
}

function applied(connector: string, { change, gap, slot }: ApplyResult): string[] {
  const at = formatLsn(slot.confirmedFlushLsn ?? 0);
  const streams = `connector ${connector} ${change}, slot ${slot.name} streams at ${at}`;
  if (gap === null) return [streams];
  return [
    streams,
    describeGap(gap),
    'A full sweep finds what was missed: expired-artifacts begins one when it sees the gap, and every SWEEP_FULL_EVERY_MS.',
  ];
}

async function status(options: OutputOptions, signal: AbortSignal): Promise<ExitCode> {
  const config = loadConfig(connectSchema, process.env);
  const report = await withServers(config, signal, (database) =>
    readConnectorStatus(
      { ...place(config, signal), connectUrl: config.CONNECT_URL, database },
      signal,
    ),
  );
  printResult(options, report, reported(report));
  return report.problems.length === 0 ? exitCodes.ok : exitCodes.failed;
}

function reported(report: ConnectorReport): string[] {
  const lsn = (value: number | null | undefined): string =>
    value === null || value === undefined ? 'none' : formatLsn(value);
  return [
    `connector  ${report.connector} ${report.connectorState}${report.asConfigured ? ', as configured' : ''}`,
    `slot       ${report.slot === null ? 'none' : `${report.slot.name} ${report.slot.active ? 'active' : 'idle'}`}`,
    `position   stored ${lsn(report.storedLsn)}, confirmed ${lsn(report.slot?.confirmedFlushLsn)}`,
    ...(report.kept.length === 0 ? [] : [`kept       ${report.kept.join(', ')}`]),
    `lag        ${report.lagBytes ?? 'unknown'} bytes`,
    ...report.problems.map((problem) => `problem    ${problem}`),
  ];
}

interface ConnectorPlace {
  readonly client: ReturnType<typeof createConnectClient>;
  readonly connector: string;
  readonly settings: ConnectorSettings;
}

function place(config: Config, signal: AbortSignal): ConnectorPlace {
  return {
    client: createConnectClient(config.CONNECT_URL, requestLimitMs, signal),
    connector: config.CDC_CONNECTOR,
    settings: {
      namespace: config.AFTERBUILD_NAMESPACE,
      databaseHost: config.CDC_POSTGRES_HOST ?? config.POSTGRES_HOST,
      databasePort: config.CDC_POSTGRES_PORT ?? config.POSTGRES_PORT,
      databaseName: config.POSTGRES_DATABASE,
      databaseUser: config.CDC_POSTGRES_USER,
      passwordFile: config.CDC_PASSWORD_PROPERTIES_FILE,
      slot: config.CDC_SLOT,
      publication: config.CDC_PUBLICATION,
      registryUrl: config.CDC_REGISTRY_URL ?? converterUrl(config.SCHEMA_REGISTRY_URL),
      heartbeatMs: config.CDC_HEARTBEAT_MS,
      replicationFactor: config.KAFKA_REPLICATION_FACTOR ?? brokersDefault,
    },
  };
}

/** One Apicurio serves both: Confluent's API to us, its own to the converter on the workers. */
function converterUrl(registryUrl: string): string {
  const confluent = /\/apis\/ccompat\/v7\/?$/;
  if (confluent.test(registryUrl)) return registryUrl.replace(confluent, '/apis/registry/v2');
  throw new ConfigError(
    'CDC_REGISTRY_URL is missing, and SCHEMA_REGISTRY_URL does not end with /apis/ccompat/v7 to derive it from.',
  );
}

async function withServers<T>(
  config: Config,
  signal: AbortSignal,
  work: (database: PostgresPool) => Promise<T>,
): Promise<T> {
  const pool = new PostgresPool(
    postgresSettings(config, 'afterbuild connect', { connectionsMax: 1 }),
  );
  try {
    await reach(postgresOf(config), () => pool.withSession(readIdentity));
    await reach(httpOf('Kafka Connect', 'CONNECT_URL', config.CONNECT_URL), () =>
      createConnectClient(config.CONNECT_URL, requestLimitMs, signal).connectorPlugins(),
    );
    return await work(pool);
  } finally {
    await pool.close();
  }
}
