/** Turns a batch of kafkajs into the types of the client port. */
import type { Batch, KafkaMessage } from 'kafkajs';
import type { FetchedBatch } from '../client-port';
import { FetchedRecord, type RawHeaders } from '../fetched-record';

/** A field that 2.2.4 has and its types do not declare: the offset that was asked for. */
type BatchWithPosition = Batch & { readonly fetchedOffset: string };

/** @throws RangeError for an offset above 2^53. */
export function convertBatch(batch: Batch): FetchedBatch {
  return {
    topic: batch.topic,
    partition: batch.partition,
    fetchedOffset: toOffset((batch as BatchWithPosition).fetchedOffset),
    records: batch.messages.map(convert),
    lastOffset: toOffset(batch.lastOffset()),
    highWatermark: toOffset(batch.highWatermark),
  };
}

const convert = ({ offset, key, value, headers, timestamp }: KafkaMessage): FetchedRecord =>
  new FetchedRecord({
    offset: toOffset(offset),
    key,
    value,
    headers: headers as RawHeaders | undefined,
    timestampMs: timestamp,
  });

function toOffset(text: string): number {
  const offset = Number(text);
  if (!Number.isSafeInteger(offset)) throw new RangeError(`Offset ${text} is beyond 2^53.`);
  return offset;
}
