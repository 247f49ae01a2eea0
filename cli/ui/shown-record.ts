/** One record of a topic as text for the page: bounded, and with nothing in it that was meant to stay secret. Pure. */
import { headerText, type Headers } from '../../lib/kafka/header-text';
import type { LogRecord } from '../../lib/kafka/log-reader';

/** The decoded content, or the sentence why there is none. */
export type Decoded = { readonly content: unknown } | { readonly damage: string };

export interface ShownRecord {
  readonly partition: number;
  readonly offset: number;
  readonly timestampMs: number;
  /** Null for a record without a key. */
  readonly key: string | null;
  readonly keySchema: string | null;
  /** Null is a tombstone. */
  readonly valueBytes: number | null;
  readonly valueSchema: string | null;
  /** As JSON; null where values are not shown. */
  readonly value: string | null;
  /** Why key or value cannot be read; empty when they can. */
  readonly damages: readonly string[];
  readonly headers: readonly { readonly name: string; readonly text: string }[];
}

export interface ReadParts {
  readonly key: Decoded | null;
  readonly keySchema: string | null;
  readonly value: Decoded | null;
  readonly valueSchema: string | null;
}

const textMax = 512;
const valueMax = 4_096;
const headersMax = 40;
const secretName = /authorization|cookie|credential|password|secret|token|api-?key/i;

export function shownRecord(
  partition: number,
  { offset, timestampMs, key, value, headers }: LogRecord,
  parts: ReadParts,
  showValues: boolean,
): ShownRecord {
  const decoded = parts.value;
  return {
    ...{ partition, offset, timestampMs },
    key: key === null ? null : keyText(key, parts.key),
    keySchema: parts.keySchema,
    valueBytes: value === null ? null : value.length,
    valueSchema: parts.valueSchema,
    value:
      showValues && decoded !== null && 'content' in decoded
        ? cut(jsonOf(decoded.content), valueMax)
        : null,
    damages: [
      ...(parts.key !== null && 'damage' in parts.key ? [`key: ${parts.key.damage}`] : []),
      ...(decoded !== null && 'damage' in decoded ? [`value: ${decoded.damage}`] : []),
    ],
    headers: headersOf(headers),
  };
}

export function keyText(key: Buffer, decoded: Decoded | null): string {
  if (decoded !== null && 'content' in decoded) return cut(jsonOf(decoded.content), textMax);
  return cut(isText(key) ? key.toString('utf8') : `0x${key.toString('hex')}`, textMax);
}

/** Bytes that are no UTF-8 come out with another length. */
const isText = (bytes: Buffer): boolean => Buffer.from(bytes.toString('utf8')).equals(bytes);

/** Headers of foreign records may carry a login: only their names are shown. */
function headersOf(headers: Headers): ShownRecord['headers'] {
  const names = Object.keys(headers);
  const shown = names.slice(0, headersMax).map((name) => ({
    name: cut(name, textMax),
    text: secretName.test(name) ? '[redacted]' : cut(headerText(headers, name) ?? '', textMax),
  }));
  if (names.length <= headersMax) return shown;
  return [...shown, { name: '…', text: `${names.length - headersMax} more` }];
}

/** Bytes are shown by their length only: they may hold anything. */
const jsonOf = (content: unknown): string =>
  JSON.stringify(content, (_, value: unknown) => {
    if (typeof value === 'bigint') return value.toString();
    const bytes = bytesIn(value);
    return bytes === null ? value : `<${bytes} bytes>`;
  });

/** A Buffer comes here as what its `toJSON` makes of it. */
function bytesIn(value: unknown): number | null {
  if (value instanceof Uint8Array) return value.length;
  if (typeof value !== 'object' || value === null) return null;
  const { type, data } = value as { type?: unknown; data?: unknown };
  return type === 'Buffer' && Array.isArray(data) ? data.length : null;
}

function cut(text: string, max: number): string {
  return text.length <= max ? text : `${text.slice(0, max)}… (${text.length} characters)`;
}
