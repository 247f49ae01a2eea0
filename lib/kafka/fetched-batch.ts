/** Copies a batch out of kafkajs' response, so that the response itself can be freed. */
import type { Batch, IHeaders, KafkaMessage } from 'kafkajs';
import type { FetchedBatch, FetchedRecord, RawParts } from './client-port';
import type { RecordHeaders } from './subscription';

const noHeaders: RecordHeaders = Object.freeze({});

/** A field that 2.2.4 has and its types do not: the offset that was asked for. */
type BatchWithPosition = Batch & { readonly fetchedOffset: string };

/** @throws RangeError for an offset above 2^53. */
export function convertBatch(batch: Batch): FetchedBatch {
  return {
    topic: batch.topic,
    partition: batch.partition,
    fetchedOffset: toOffset((batch as BatchWithPosition).fetchedOffset),
    records: batch.messages.map(copy),
    lastOffset: toOffset(batch.lastOffset()),
    highWatermark: toOffset(batch.highWatermark),
  };
}

/**
 * `Buffer.from` and `toString` copy: a 150-byte view would keep the whole response of up to a megabyte
 * alive for as long as its record waits.
 */
function copy(message: KafkaMessage): FetchedRecord {
  const { key, value, headers } = message;
  const text = headers === undefined ? noHeaders : toText(headers);
  const keyText = key === null ? null : key.toString('utf8');
  // A copy for every record costs more than all else; only bytes that are no UTF-8 need one.
  const isText = keyText === null || !keyText.includes('\uFFFD');
  return {
    offset: toOffset(message.offset),
    key: keyText,
    value: copyOf(value),
    headers: text,
    raw: isText && text === noHeaders ? null : { key: copyOf(key), headers: copyHeaders(headers) },
    timestampMs: Number(message.timestamp),
    sizeBytes: (key?.length ?? 0) + (value?.length ?? 0) + 2 * sizeOf(text),
  };
}

const copyOf = (bytes: Buffer | null): Buffer | null =>
  bytes === null ? null : Buffer.from(bytes);

function copyHeaders(headers: IHeaders | undefined): RawParts['headers'] {
  if (headers === undefined) return null;
  const copied: Record<string, Buffer | Buffer[]> = {};
  for (const name in headers) {
    const value = headers[name];
    if (value === undefined) continue;
    copied[name] = Array.isArray(value) ? value.map(toBuffer) : toBuffer(value);
  }
  return copied;
}

const toBuffer = (value: Buffer | string): Buffer =>
  typeof value === 'string' ? Buffer.from(value) : Buffer.from(value);

function toText(headers: IHeaders): RecordHeaders {
  let text: Record<string, string> | undefined;
  for (const name in headers) {
    const value = headers[name];
    const last = Array.isArray(value) ? value.at(-1) : value;
    if (last === undefined) continue;
    text ??= {};
    text[name] = typeof last === 'string' ? last : last.toString('utf8');
  }
  return text ?? noHeaders;
}

function sizeOf(headers: RecordHeaders): number {
  if (headers === noHeaders) return 0;
  return Object.entries(headers).reduce(
    (sum, [name, value]) => sum + name.length + value.length,
    0,
  );
}

function toOffset(text: string): number {
  const offset = Number(text);
  if (!Number.isSafeInteger(offset)) throw new RangeError(`Offset ${text} is beyond 2^53.`);
  return offset;
}
