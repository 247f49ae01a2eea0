/**
 * What tells the key of a trace that we store from every other final path: its last 16 digits are made of all that
 * stands before them. No row claims such an object between its upload and the commit, so its key alone has to say
 * that no record of an expired artifact speaks of it (docs/adr/0029).
 */
import { createHash } from 'node:crypto';

/** A path of GitLab's own, 64 random digits, carries the mark once in 2^64. */
const markDigits = 16;

/** @param path a final path. @returns it with the mark as its end. */
export function markAsTrace(path: string): string {
  const beginning = path.slice(0, -markDigits);
  const hash = createHash('sha256').update(`trace at ${beginning}`).digest('hex');
  return beginning + hash.slice(0, markDigits);
}

export const hasTraceMark = (path: string): boolean => markAsTrace(path) === path;
