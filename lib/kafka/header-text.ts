/** Headers as a log holds them: bytes, and a list where a header was sent more than once. */
import type { IHeaders } from 'kafkajs';

export type Headers = IHeaders;

/** A record with more has none of them read (`kafkajs/bounded-headers.ts`). */
export const headersMax = 1_000;
/**
 * The header that replaces them; its value is the announced number. A redrive removes it again, as all headers of ours.
 */
export const unreadHeaders = 'afterbuild-unread-headers';

/** Header values as text; a header that is sent twice keeps its last value. */
export type RecordHeaders = Readonly<Record<string, string>>;

/** The last value of the header as UTF-8 text; null when there is none. */
export function headerText(headers: Headers, name: string): string | null {
  const value = headers[name];
  const last = Array.isArray(value) ? value.at(-1) : value;
  if (last === undefined) return null;
  return typeof last === 'string' ? last : last.toString('utf8');
}
