/** `afterbuild accept-database`: an operator decides to go on with this database. */
import { userInfo } from 'node:os';
import type { Command } from 'commander';
import { refuseDatabase } from '../lib/brake/decide';
import { acceptanceKey } from '../lib/control/acceptable';
import { systemClock } from '../lib/process/clock';
import { ConfigError, type Connections, connectionSchema, loadConfig } from '../lib/process/config';
import { type DatabaseIdentity, readIdentity } from '../lib/stores/postgres/identity';
import { PostgresPool, postgresSettings } from '../lib/stores/postgres/pool';
import type { Control } from '../schemas/generated';
import { action } from './action';
import { writeDecision } from './control-topic';
import { type ExitCode, exitCodes } from './exit-codes';
import { postgresOf, reach } from './reach';
import { jsonOption, printResult, type OutputOptions } from './output';
import { refuseBlank } from './signature';

interface AcceptOptions extends OutputOptions {
  readonly reason: string;
  readonly author: string;
  readonly yes?: boolean;
}

export function addAcceptDatabaseCommand(program: Command): void {
  program
    .command('accept-database')
    .description(
      'after a failover or a restore: let the pipeline work against this database. Records from before keep the objects of rows that it lacks',
    )
    .requiredOption('--reason <text>', 'why; kept with the decision')
    .option('--author <name>', 'who decides', userInfo().username)
    .option('--yes', 'decide; without it only shows what would be accepted')
    .option(...jsonOption)
    .action(action(acceptDatabase));
}

async function acceptDatabase(options: AcceptOptions): Promise<ExitCode> {
  refuseBlank({ reason: options.reason, author: options.author });
  const config = loadConfig(connectionSchema, process.env);
  const database = await identityOf(config);
  const refusal = refuseDatabase(database, {
    systemIdentifier: config.POSTGRES_SYSTEM_IDENTIFIER,
    databaseName: config.POSTGRES_DATABASE,
  });
  if (refusal !== undefined) throw new ConfigError(refusal);
  const { systemIdentifier, databaseName, timeline, lsn } = database;
  const decision: Control = {
    kind: 'accept-database',
    author: options.author,
    reason: options.reason,
    atMs: systemClock.nowMs(),
    acceptedDatabase: { systemIdentifier, databaseName, timeline, lsn },
    flag: null,
    breaker: null,
  };
  // One key for each database: the latest decision about it counts.
  if (options.yes === true) {
    await writeDecision(config, acceptanceKey(databaseName), decision);
  }
  const end =
    options.yes === true
      ? 'Accepted. Records from before keep the objects of rows that this database lacks: see afterbuild reconcile --check.'
      : 'Nothing was changed; --yes accepts it.';
  printResult(options, { ...decision, accepted: options.yes === true }, [
    `database ${databaseName} of system ${systemIdentifier}, timeline ${timeline}, position ${lsn}`,
    `by ${decision.author}: ${decision.reason}`,
    end,
  ]);
  return exitCodes.ok;
}

async function identityOf(config: Connections): Promise<DatabaseIdentity> {
  const pool = new PostgresPool(postgresSettings(config, 'accept-database'));
  try {
    return await reach(postgresOf(config), () => pool.withSession(readIdentity));
  } finally {
    await pool.close();
  }
}
