/** Headers as a log gives them: bytes, and a list where a header was sent more than once. */
import type { IHeaders } from 'kafkajs';

export type Headers = IHeaders;

/** The last value of the header as UTF-8 text; null when there is none. */
export function headerText(headers: Headers, name: string): string | null {
  const value = headers[name];
  const last = Array.isArray(value) ? value.at(-1) : value;
  if (last === undefined) return null;
  return typeof last === 'string' ? last : last.toString('utf8');
}
