/** What every command has in common: a signal that ends it, an exit code, one sentence for a failure. */
import { CommanderError } from 'commander';
import { NotStreamingError } from '../connect/await-streaming';
import { PositionLostError, SourceNotFitError } from '../connect/apply';
import { exitCodeOf as generalExitCodeOf } from '../lib/process/exit-code-of';
import { exitCodes, type ExitCode } from './exit-codes';
import { printProgress } from './output';

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
      printProgress(`afterbuild: ${sentenceOf(error)}`);
    } finally {
      process.off('SIGINT', end).off('SIGTERM', end);
    }
  };
}

/** What only commands throw; all else is sorted as for the processes. */
export function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
  if (error instanceof SourceNotFitError) return exitCodes.configuration;
  if (error instanceof NotStreamingError) return exitCodes.unreachable;
  if (error instanceof PositionLostError) return exitCodes.changesLost;
  return generalExitCodeOf(error);
}

const sentenceOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);
