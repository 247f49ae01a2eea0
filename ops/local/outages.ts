/** Waits out outages of the demonstration's own servers: logged in a line, and no failure. */
import { setTimeout as sleep } from 'node:timers/promises';
import { exitCodeOf } from '../../lib/service/exit-code-of';
import { exitCodes } from '../../lib/process/exit-codes';
import { CommandError } from './fetch/run-command';
import { describeSeconds } from '../../lib/process/progress';

const networkCodes = /^(ECONN|EPIPE|ETIMEDOUT|EAI_AGAIN|ENOTFOUND|EHOSTUNREACH)/;
/** PostgreSQL: a connection that broke, a server that stops, starts, or has no room. */
const sqlStates = /^(08|57P0|53300)/;
const names = ['AbortError', 'TimeoutError', 'MaxRetriesPerRequestError'];
/** Errors of pg and ioredis without a code. */
const sentences =
  /^(Connection (terminated|is closed)|Command timed out|timeout e(xpired|xceeded))/;

interface Described {
  readonly code?: unknown;
  readonly $metadata?: { readonly httpStatusCode?: number };
}

function isOfOutage(error: Error): boolean {
  const { code, $metadata } = error as Described;
  if (typeof code === 'string' && (networkCodes.test(code) || sqlStates.test(code))) return true;
  if (($metadata?.httpStatusCode ?? 0) >= 500) return true;
  if (error instanceof CommandError && error.exitCode === exitCodes.unreachable) return true;
  return names.includes(error.name) || sentences.test(error.message);
}

/** Whether a server did not answer, by the error, its causes, or any of the errors that it collects. */
export function isOutage(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (isOfOutage(error) || exitCodeOf(error) === exitCodes.unreachable) return true;
  const gathered = error instanceof AggregateError ? error.errors : [];
  return isOutage(error.cause) || gathered.some(isOutage);
}

export interface Patience {
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
  /** Milliseconds; by default ten minutes. */
  readonly limitMs?: number;
  readonly againMs?: number;
}

/** The first line of its message. */
export const sentenceOf = (error: unknown): string => {
  const said = error instanceof AggregateError ? (error.errors[0] as unknown) : error;
  const text = said instanceof Error ? said.message : String(said);
  return text.split('\n')[0]?.slice(0, 200) ?? '';
};

/** Logs once that a server is waited for, and once that it is back. */
class Spell {
  #sinceMs: number | undefined;

  constructor(
    private readonly who: string,
    private readonly say: (line: string) => void,
  ) {}

  /** @returns for how long, in milliseconds. */
  waits(error: unknown): number {
    if (this.#sinceMs === undefined) {
      this.say(`${this.who} waits for a server that does not answer: ${sentenceOf(error)}`);
      this.#sinceMs = performance.now();
    }
    return performance.now() - this.#sinceMs;
  }

  ended(): void {
    if (this.#sinceMs === undefined) return;
    const seconds = (performance.now() - this.#sinceMs) / 1_000;
    this.say(`${this.who} goes on after ${describeSeconds(seconds)}`);
  }
}

/**
 * Does the work, and repeats it while a server that it needs does not answer. It logs that once, and once more when the
 * work is done.
 *
 * @param who the worker's name, for example `the small GitLab`.
 * @param work may be begun again: `attempt` counts from 0.
 * @throws the error of the work, unless it is an outage, at the limit, or when the signal aborts.
 */
export async function waitOut<T>(
  who: string,
  work: (attempt: number) => Promise<T>,
  { say, signal, limitMs = 600_000, againMs = 1_000 }: Patience,
): Promise<T> {
  const spell = new Spell(who, say);
  for (let attempt = 0; ; attempt += 1) {
    try {
      const result = await work(attempt);
      spell.ended();
      return result;
    } catch (error) {
      if (signal.aborted || !isOutage(error) || spell.waits(error) > limitMs) throw error;
      await sleep(againMs, undefined, { signal });
    }
  }
}
