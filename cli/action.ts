/** The common parts of every command: a signal that ends it, an exit code, one sentence for a failure. */
import { setTimeout as wait } from 'node:timers/promises';
import { type Command, CommanderError } from 'commander';
import { NotStreamingError } from '../connect/await-streaming';
import { PositionLostError, SourceNotFitError } from '../connect/apply';
import { exitCodeOf as generalExitCodeOf } from '../lib/service/exit-code-of';
import { exitCodes, type ExitCode } from './exit-codes';
import { printProgress } from './output';

/** Does the command's work within the signal. @returns the exit code. */
type Action<Options> = (options: Options, signal: AbortSignal) => Promise<ExitCode>;

/** A command that was asked to end does not wait for a server any longer. */
const endLimitMs = 1_000;

const signalCodes = { SIGINT: exitCodes.interrupted, SIGTERM: exitCodes.terminated } as const;
type Signal = keyof typeof signalCodes;

class EndedError extends Error {
  override readonly name = 'EndedError';

  constructor(readonly signal: Signal) {
    super(`Ended by ${signal}.`);
  }
}

/**
 * The first SIGINT or SIGTERM aborts the action, which has a second to clean up; the next one ends the process as
 * usual. An error is reported as one sentence, and for a wrong command line with the help that explains it.
 */
export function action<Options>(
  act: Action<Options>,
): (options: Options, command?: Command) => Promise<void> {
  return reported(async (options) => {
    const ending = new AbortController();
    const end = (signal: Signal): void => ending.abort(new EndedError(signal));
    process.once('SIGINT', end).once('SIGTERM', end);
    try {
      return await Promise.race([act(options, ending.signal), endedLate(ending.signal)]);
    } finally {
      process.off('SIGINT', end).off('SIGTERM', end);
    }
  });
}

/** For a command that drains at a signal, as long as it takes: it listens for signals itself. */
export function reported<Options>(
  act: (options: Options) => Promise<ExitCode>,
): (options: Options, command?: Command) => Promise<void> {
  return async (options, command) => {
    try {
      process.exitCode = await act(options);
    } catch (error) {
      process.exitCode = exitCodeOf(error);
      printProgress(`afterbuild: ${sentenceOf(error)}`);
      if (process.exitCode === exitCodes.usage && command) {
        printProgress(`(${pathOf(command)} --help explains it)`);
      }
    }
  };
}

/** Rejects when the action has not ended soon after the signal. */
async function endedLate(signal: AbortSignal): Promise<never> {
  await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
  await wait(endLimitMs, undefined, { ref: false });
  throw signal.reason;
}

/** `afterbuild flags set`. */
export const pathOf = (command: Command): string =>
  command.parent ? `${pathOf(command.parent)} ${command.name()}` : command.name();

/** Errors that only commands throw; all others are sorted as for the processes. */
export function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof EndedError) return signalCodes[error.signal];
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
  if (error instanceof SourceNotFitError) return exitCodes.configuration;
  if (error instanceof NotStreamingError) return exitCodes.unreachable;
  if (error instanceof PositionLostError) return exitCodes.changesLost;
  return generalExitCodeOf(error);
}

const sentenceOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);
