/** A record from its fetch to the end of its handling. */
import { headerText, type RecordHeaders } from './header-text';

type RawHeader = string | Buffer | Buffer[];
/** Unchanged: bytes, and a list where a name was sent several times. */
export type RawHeaders = Readonly<Record<string, RawHeader>>;

export interface FetchedParts {
  readonly offset: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers?: RawHeaders | undefined;
  /** Milliseconds since the epoch. */
  readonly timestampMs: number | string;
}

const noHeaders: RawHeaders = Object.freeze({});
const noHeaderTexts: RecordHeaders = Object.freeze({});

/**
 * Its bytes are views of the response until `keep` is called: most records are handled before the next
 * fetch, and copying all of them was half of what the runtime cost (ADR 0014).
 */
export class FetchedRecord {
  readonly offset: number;
  /** Bytes of key, value and headers. */
  readonly sizeBytes: number;
  readonly #timestampMs: number | string;
  #key: Buffer | null;
  #value: Buffer | null;
  #headers: RawHeaders;

  constructor({ offset, key, value, headers = noHeaders, timestampMs }: FetchedParts) {
    this.offset = offset;
    this.#key = key;
    this.#value = value;
    this.#headers = headers;
    this.#timestampMs = timestampMs;
    this.sizeBytes = (key?.length ?? 0) + (value?.length ?? 0) + sizeOf(headers);
  }

  get key(): Buffer | null {
    return this.#key;
  }

  get value(): Buffer | null {
    return this.#value;
  }

  /** Unchanged, for a copy that must be equal byte for byte. */
  get headers(): RawHeaders {
    return this.#headers;
  }

  /** Decoded at each call, since few records are asked for it. */
  get keyText(): string | null {
    return this.#key?.toString('utf8') ?? null;
  }

  /** Like `keyText`; the last value of a header that was sent several times. */
  get headerTexts(): RecordHeaders {
    return toText(this.#headers);
  }

  get timestampMs(): number {
    return Number(this.#timestampMs);
  }

  /**
   * Copies the bytes that it views, for a record that waits: a few bytes would keep a response of megabytes in memory.
   */
  keep(): void {
    this.#key = copyOf(this.#key);
    this.#value = copyOf(this.#value);
    this.#headers = copyHeaders(this.#headers);
  }
}

const copyOf = (bytes: Buffer | null): Buffer | null =>
  bytes === null ? null : Buffer.from(bytes);

function copyHeaders(headers: RawHeaders): RawHeaders {
  const copied: Record<string, RawHeader> = {};
  for (const name in headers) {
    const value = headers[name] ?? '';
    if (typeof value === 'string') copied[name] = value;
    else
      copied[name] = Array.isArray(value)
        ? value.map((one) => Buffer.from(one))
        : Buffer.from(value);
  }
  return copied;
}

function toText(headers: RawHeaders): RecordHeaders {
  let text: Record<string, string> | undefined;
  for (const name in headers) {
    const value = headerText(headers, name);
    if (value === null) continue;
    text ??= {};
    text[name] = value;
  }
  return text ?? noHeaderTexts;
}

function sizeOf(headers: RawHeaders): number {
  let bytes = 0;
  for (const name in headers) {
    const value = headers[name] ?? '';
    for (const one of Array.isArray(value) ? value : [value]) {
      bytes += name.length + Buffer.byteLength(one);
    }
  }
  return bytes;
}
