/** What every command has in common: a signal that ends it, an exit code, one sentence for a failure. */
import { CommanderError } from 'commander';
import { NotStreamingError } from '../connect/await-streaming';
import { PositionLostError, SourceNotFitError } from '../connect/apply';
import { RegistryUnavailableError } from '../lib/avro/registry';
import { ConnectUnavailableError } from '../lib/connect/connect-client';
import { TopicsUnfitError } from '../lib/kafka/admin';
import { ConfigError } from '../lib/process/config';
import { PostgresError } from '../lib/stores/postgres/errors';
import { exitCodes, type ExitCode } from './exit-codes';

/** Does the command's work within the signal. @returns the exit code. */
export type Action<Options> = (options: Options, signal: AbortSignal) => Promise<ExitCode>;

/** The first SIGINT or SIGTERM aborts the action, the second one ends the process as usual. */
export function action<Options>(act: Action<Options>): (options: Options) => Promise<void> {
  return async (options) => {
    const ending = new AbortController();
    const end = (signal: NodeJS.Signals): void => {
      ending.abort(new Error(`Ended by ${signal}.`));
    };
    process.once('SIGINT', end).once('SIGTERM', end);
    try {
      process.exitCode = await act(options, ending.signal);
    } catch (error) {
      process.exitCode = exitCodeOf(error);
      process.stderr.write(`afterbuild: ${sentenceOf(error)}\n`);
    } finally {
      process.off('SIGINT', end).off('SIGTERM', end);
    }
  };
}

const configurationErrors = [ConfigError, SourceNotFitError, TopicsUnfitError];
const unreachableErrors = [ConnectUnavailableError, RegistryUnavailableError, NotStreamingError];

export function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
  if (configurationErrors.some((kind) => error instanceof kind)) return exitCodes.configuration;
  if (unreachableErrors.some((kind) => error instanceof kind)) return exitCodes.unreachable;
  if (error instanceof PositionLostError) return exitCodes.changesLost;
  if (error instanceof PostgresError) return postgresExitCode(error);
  return isKafkaConnectionError(error) ? exitCodes.unreachable : exitCodes.failed;
}

/** A wrong password or database (class 28, 3D) or a missing privilege (42501) is a setting. */
function postgresExitCode(error: PostgresError): ExitCode {
  if (error.failure === 'unavailable') return exitCodes.unreachable;
  const isSetting = /^(28|3D)|^42501$/.test(error.sqlState ?? '');
  return isSetting ? exitCodes.configuration : exitCodes.failed;
}

/** kafkajs' classes carry their kind in the name; a retried connection failure is wrapped once. */
function isKafkaConnectionError(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (/^KafkaJS(Connection|BrokerNotFound|RequestTimeout)/.test(error.name)) return true;
  return error.name === 'KafkaJSNumberOfRetriesExceeded' && isKafkaConnectionError(error.cause);
}

const sentenceOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);
