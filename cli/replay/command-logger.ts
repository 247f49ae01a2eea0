/** A process that runs inside a command says what went wrong to the operator, not to a log. */
import { pino } from 'pino';
import type { Logger } from '../../lib/process/logger';
import { printProgress } from '../output';

interface Line {
  readonly level: string;
  readonly msg: string;
  readonly event?: string;
  readonly err?: { readonly message?: string };
}

/** Warnings and errors, as sentences on stderr. */
export function commandLogger(process: string): Logger {
  const write = (text: string): void => {
    const { level, msg, event = '', err } = JSON.parse(text) as Line;
    const cause = err?.message === undefined || msg.includes(err.message) ? '' : `: ${err.message}`;
    printProgress(`${level} ${event}: ${msg}${cause}`);
  };
  const formatters = { level: (level: string) => ({ level }) };
  return pino({ level: 'warn', base: { process }, formatters }, { write });
}
