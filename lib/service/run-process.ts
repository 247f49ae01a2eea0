/** Runs one process of the pipeline, and turns its end or its error into one log line and an exit code. */
import type { Environment } from '../process/config';
import { exitCodeOf } from './exit-code-of';
import { exitCodes, type ExitCode } from '../process/exit-codes';
import { listenForInterruption, type EndingSignal } from '../process/interruption';
import { createLogger, type Logger } from '../process/logger';

/** `signal` aborts at the first SIGTERM, SIGINT or SIGHUP, and when `fail` was called. */
export interface ProcessContext {
  readonly logger: Logger;
  readonly signal: AbortSignal;
  /** Resolves when the signal aborts. */
  readonly ended: Promise<void>;
  /** Ends the process with that error: it cannot go on. */
  readonly fail: (error: Error) => void;
  /** Ends it at once, even if work still runs: the last resort against an end that hangs. */
  readonly exitNow: (sentence: string) => void;
}

/** Works until the context's signal aborts. @returns whether all work that had begun has ended in time. */
export type Work = (context: ProcessContext) => Promise<{ readonly clean: boolean }>;

const secondSignalCodes: Readonly<Record<EndingSignal, ExitCode>> = {
  SIGHUP: exitCodes.hungUp,
  SIGINT: exitCodes.interrupted,
  SIGTERM: exitCodes.terminated,
};

/**
 * When a setting, a server or a signal ends a process, one sentence is logged; a stack trace is added only for a
 * probable bug. The first signal asks for a drain, a second one ends the process at once.
 *
 * @param exit does not return; replaced by tests.
 * @param logger JSON lines on stdout, unless a command has words of its own.
 */
export async function runProcess(
  name: string,
  environment: Environment,
  work: Work,
  exit: (code: ExitCode) => void = (code) => process.exit(code),
  logger: Logger = createLogger(name, levelOf(environment)),
): Promise<ExitCode> {
  const failing = new AbortController();
  const failures: Error[] = [];
  const interruption = listenForInterruption({
    source: process,
    nowMs: () => performance.now(),
    onSecond: (again) => {
      const exitCode = secondSignalCodes[again];
      const fields = { event: 'process.cut-short', signal: again, exitCode };
      logger.warn(fields, 'a second signal: ended at once, what was in flight is repeated');
      exit(exitCode);
    },
  });
  const signal = AbortSignal.any([interruption.signal, failing.signal]);
  const ended = new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
  interruption.signal.addEventListener('abort', () => {
    logger.info({ event: 'process.stopping' }, 'stop requested: finishing what runs');
  });
  const fail = (error: Error): void => {
    failures.push(error);
    failing.abort(error);
  };
  const exitNow = (sentence: string): void =>
    exit(tell(logger, failures[0] ?? new Error(sentence)));
  try {
    const { clean } = await work({ logger, signal, ended, fail, exitNow });
    const [failure] = failures;
    if (failure) return tell(logger, failure);
    logger.info({ event: 'process.stopped', clean }, 'stopped');
    return clean ? exitCodes.ok : exitCodes.failed;
  } catch (error) {
    // Stopped while it was still starting: no work had begun that could be unfinished.
    if (signal.aborted && error === signal.reason && failures.length === 0) {
      logger.info({ event: 'process.stopped', clean: true }, 'stopped before it had started');
      return exitCodes.ok;
    }
    return tell(logger, failures[0] ?? error);
  } finally {
    interruption.release();
  }
}

function tell(logger: Logger, error: unknown): ExitCode {
  const exitCode = exitCodeOf(error);
  const sentence = error instanceof Error ? error.message : String(error);
  const details = exitCode === exitCodes.failed ? { err: error } : {};
  logger.fatal({ event: 'process.failed', exitCode, ...details }, sentence);
  return exitCode;
}

const levels = ['debug', 'info', 'warn', 'error'];

/** The logger exists before the settings are checked, so that a wrong log level can be logged, too. */
function levelOf({ LOG_LEVEL: level }: Environment): string {
  return level !== undefined && levels.includes(level) ? level : 'info';
}
