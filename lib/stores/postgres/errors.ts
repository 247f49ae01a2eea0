/** Sorts PostgreSQL's failures at the edge, so that other code needs no SQLSTATE. */
import { isError } from '../../process/is-error';

/**
 * - `unavailable`: the server, the way to it or its resources are missing; waiting helps.
 * - `repeat`: this statement met another one (serialization, deadlock, lock timeout); repeating it helps.
 * - `other`: everything else, for example a missing privilege; the message says what.
 */
export type PostgresFailure = 'unavailable' | 'repeat' | 'other';

export class PostgresError extends Error {
  override readonly name = 'PostgresError';

  constructor(
    message: string,
    readonly failure: PostgresFailure,
    readonly sqlState: string | undefined,
    cause: unknown,
  ) {
    super(message, { cause });
  }
}

const repeatStates = new Set(['40001', '40P01', '55P03']);

/**
 * Whole classes: connection (08), resources (53), intervention such as a shutdown or the statement
 * timeout (57), the system under the server (58); and a read-only server, which a standby is (25006).
 */
const unavailableStates = /^(08|53|57|58)|^25006$/;

const unavailableCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ENOENT',
]);

/** The driver's messages, without a code, when a connection ends or does not answer. */
const unavailableMessages =
  /^(Connection terminated|Connection ended|timeout expired|timeout exceeded|Query read timeout|Client has encountered a connection error|Client was closed|Connection is not queryable)/i;

/** The caller's own errors (a check that refused) pass unchanged; the driver's become PostgresError. */
export function translateError(error: unknown, doing: string): Error {
  if (!isError(error)) return new Error(`${doing}: ${String(error)}`);
  if (error instanceof PostgresError) return error;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  const failure = classify(code, error.message);
  if (failure === undefined) return error;
  const sqlState = code !== undefined && /^[0-9A-Z]{5}$/.test(code) ? code : undefined;
  const suffix = code === undefined ? '' : ` (${code})`;
  return new PostgresError(`PostgreSQL, ${doing}: ${error.message}${suffix}`, failure, sqlState, {
    cause: error,
  });
}

function classify(code: string | undefined, message: string): PostgresFailure | undefined {
  if (unavailableMessages.test(message)) return 'unavailable';
  if (code === undefined) return undefined;
  if (unavailableCodes.has(code)) return 'unavailable';
  if (!/^[0-9A-Z]{5}$/.test(code)) return undefined;
  if (repeatStates.has(code)) return 'repeat';
  return unavailableStates.test(code) ? 'unavailable' : 'other';
}

/** Connections, memory or disk have run out (53), or a statement took longer than it may (57014). */
export const isOverload = (error: unknown): boolean =>
  error instanceof PostgresError && /^(53...|57014)$/.test(error.sqlState ?? '');
