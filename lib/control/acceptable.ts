/**
 * Which decisions of `afterbuild.control` count. Every writer of the topic may write anything, so the author that a
 * decision names is a claim. Checked are its key, which must name what it decides, and its time, which must be
 * possible.
 */
import type { Control } from '../../schemas/generated';
import type { HistoryPoint } from '../brake/decide';
import { quoted } from '../process/printable';
import type { Decision } from './decisions';

/** How far the clock of an operator's machine may be ahead. */
const aheadMax = 300_000;
const textMax = 10_000;

export const acceptanceKey = (databaseName: string): string => `accept-database/${databaseName}`;

/** @returns why a decision is ignored, or undefined. */
export function refusalOf({ key, value }: Decision, nowMs: number): string | undefined {
  if (value?.kind !== 'accept-database') return undefined;
  const { acceptedDatabase: accepted, atMs } = value;
  if (accepted === null) return 'it names no database';
  if (key !== acceptanceKey(accepted.databaseName)) {
    return `it lies under the key ${key === null ? 'none' : quoted(key)}, not under that of its database`;
  }
  if (!(atMs > 0 && atMs <= nowMs + aheadMax)) return 'its time is not one of the past';
  return impossiblePlace(accepted) ?? unsigned(value);
}

function impossiblePlace({ systemIdentifier, timeline, lsn }: HistoryPoint): string | undefined {
  if (!/^[0-9]{1,20}$/.test(systemIdentifier)) return 'its system identifier is none';
  return timeline < 1 || lsn < 0 ? 'its place in the history is none' : undefined;
}

function unsigned({ author, reason }: Control): string | undefined {
  const isSigned = author.trim() !== '' && reason.trim() !== '';
  const isShort = author.length + reason.length <= textMax;
  return isSigned && isShort ? undefined : 'it does not say who and why';
}
