/** Runs one process of the pipeline: whatever ends it becomes one log line and an exit code. */
import type { Environment } from './config';
import { exitCodeOf } from './exit-code-of';
import { exitCodes, type ExitCode } from './exit-codes';
import { createLogger, type Logger } from './logger';

/** `signal` aborts at the first SIGTERM or SIGINT, and when `fail` was called. */
export interface ProcessContext {
  readonly logger: Logger;
  readonly signal: AbortSignal;
  /** Resolves when the signal aborts. */
  readonly ended: Promise<void>;
  /** Ends the process with that error: it cannot go on. */
  readonly fail: (error: Error) => void;
}

/** Works until the context's signal aborts. @returns whether everything that was begun has ended in time. */
export type Work = (context: ProcessContext) => Promise<{ readonly clean: boolean }>;

/**
 * Settings, servers and signals that end a process before or while it works are told in one sentence;
 * a stack trace is added only to what must be a bug.
 */
export async function runProcess(
  name: string,
  environment: Environment,
  work: Work,
): Promise<ExitCode> {
  const logger = createLogger(name, levelOf(environment));
  const ending = new AbortController();
  const failures: Error[] = [];
  const { signal } = ending;
  const ended = new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
  const end = (): void => ending.abort(new Error('The process was asked to stop.'));
  const fail = (error: Error): void => {
    failures.push(error);
    end();
  };
  process.on('SIGTERM', end).on('SIGINT', end);
  try {
    const { clean } = await work({ logger, signal, ended, fail });
    const [failure] = failures;
    if (failure) return tell(logger, failure);
    logger.info({ event: 'process.stopped', clean }, 'stopped');
    return clean ? exitCodes.ok : exitCodes.failed;
  } catch (error) {
    // Asked to stop while it was still starting: nothing had begun that could be unfinished.
    if (signal.aborted && error === signal.reason && failures.length === 0) {
      logger.info({ event: 'process.stopped', clean: true }, 'stopped before it had started');
      return exitCodes.ok;
    }
    return tell(logger, failures[0] ?? error);
  } finally {
    process.off('SIGTERM', end).off('SIGINT', end);
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

/** The logger is there before the settings are checked: a wrong level must be told, too. */
function levelOf({ LOG_LEVEL: level }: Environment): string {
  return level !== undefined && levels.includes(level) ? level : 'info';
}
