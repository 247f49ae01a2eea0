/** Writes records, and resolves only when every replica in sync has them (how many that may be: topics/durability.ts). */
import {
  CompressionTypes,
  KafkaJSError,
  Partitioners,
  type ICustomPartitioner,
  type Kafka,
  type Message,
  type RecordMetadata,
  type PartitionMetadata,
} from 'kafkajs';
import { needing, principalOf, topicNeed } from './missing-right';

export interface OutgoingRecord {
  /** Full name, namespace included. */
  readonly topic: string;
  readonly key: string | Buffer | null;
  /** null writes a tombstone. */
  readonly value: Buffer | null;
  /** When absent, chosen by the key's murmur2 hash, as Java does. */
  readonly partition?: number;
  readonly headers?: OutgoingHeaders;
}

export type OutgoingHeaders = Readonly<Record<string, string | Buffer | Buffer[]>>;

export interface ProducerPatience {
  /** The send fails after so many more attempts. */
  readonly retries: number;
  readonly sendTimeoutMs: number;
}

export interface RecordProducer {
  connect(): Promise<void>;
  /**
   * Sends in the given order and resolves when all are acknowledged (acks=all). After a rejection some
   * may have been written: sending them again is safe for every topic of ours.
   * @returns the offset of each record, in their order; null for one without a `partition` of its own.
   * @throws Error of kafkajs once its own retries (about half a minute) are used up.
   */
  send(records: readonly OutgoingRecord[]): Promise<readonly (number | null)[]>;
  disconnect(): Promise<void>;
}

/** The broker takes 1 MiB a batch and kafkajs does not split: bytes are counted before compression, with a margin. */
const requestBytesMax = 900 * 1024;
const recordOverheadBytes = 80;
const patienceDefault: ProducerPatience = { retries: 8, sendTimeoutMs: 15_000 };

/**
 * Not `idempotent`: kafkajs reuses the sequence numbers of a send that failed on its side but was
 * stored, and the broker would then acknowledge *other* records under those numbers without storing
 * them. A duplicate is harmless here, a loss is not.
 */
export function createProducer(
  kafka: Kafka,
  { retries, sendTimeoutMs }: ProducerPatience = patienceDefault,
): RecordProducer {
  const producer = kafka.producer({
    createPartitioner: knownPartitions,
    allowAutoTopicCreation: false,
    idempotent: false,
    // One request at a time for each broker, or a retry could overtake a later send.
    maxInFlightRequests: 1,
    retry: { retries, initialRetryTime: 100, maxRetryTime: 5_000 },
  });
  return {
    connect: () => producer.connect(),
    disconnect: () => producer.disconnect(),
    send: async (records) => {
      const offsets: (number | null)[] = [];
      for (const part of splitBySize(records)) {
        const topicMessages = byTopic(part);
        const need = topicNeed('WRITE', ...topicMessages.map(({ topic }) => topic));
        const written = await needing(principalOf(kafka), [need], () =>
          producer.sendBatch({
            acks: -1,
            timeout: sendTimeoutMs,
            compression: CompressionTypes.ZSTD,
            topicMessages,
          }),
        );
        offsets.push(...offsetsOf(part, written));
      }
      return offsets;
    },
  };
}

/** An error of this name makes kafkajs read the metadata before it repeats the send. */
class StaleMetadataError extends KafkaJSError {
  override readonly name = 'KafkaJSMetadataNotLoaded';
}

/**
 * kafkajs drops a record whose partition is not in its metadata, which may be older than the partition, and reports all
 * as acknowledged.
 */
const knownPartitions: ICustomPartitioner = () => {
  const choose = Partitioners.DefaultPartitioner();
  return (args) => {
    const partition = choose(args);
    if (partition < args.partitionMetadata.length) return partition;
    throw new StaleMetadataError(
      `The metadata of ${args.topic} is stale, or it has no partition ${partition}`,
    );
  };
};

const sizeOf = (record: OutgoingRecord): number =>
  Buffer.byteLength(record.key ?? '') +
  (record.value?.length ?? 0) +
  headerBytes(record.headers ?? {}) +
  recordOverheadBytes;

const headerBytes = (headers: OutgoingHeaders): number =>
  Object.entries(headers).reduce(
    (sum, [name, value]) =>
      sum + name.length + [value].flat().reduce((bytes, one) => bytes + one.length, 0),
    0,
  );

/** In order; a record above the limit is sent alone, and the broker decides by its compressed size. */
export function splitBySize(
  records: readonly OutgoingRecord[],
  bytesMax = requestBytesMax,
): OutgoingRecord[][] {
  const parts: OutgoingRecord[][] = [];
  let sizeBytes = Infinity;
  for (const record of records) {
    const recordBytes = sizeOf(record);
    if (sizeBytes + recordBytes > bytesMax) {
      parts.push([]);
      sizeBytes = 0;
    }
    parts.at(-1)?.push(record);
    sizeBytes += recordBytes;
  }
  return parts;
}

function byTopic(records: readonly OutgoingRecord[]): { topic: string; messages: Message[] }[] {
  const grouped = Map.groupBy(records, ({ topic }) => topic);
  return [...grouped].map(([topic, own]) => ({ topic, messages: own.map(toMessage) }));
}

const toMessage = ({ key, value, partition, headers }: OutgoingRecord): Message => ({
  key,
  value,
  ...(partition === undefined ? {} : { partition }),
  ...(headers ? { headers: { ...headers } } : {}),
});

/** The broker names the first offset of each partition; the records follow it in order. */
export function offsetsOf(
  records: readonly Pick<OutgoingRecord, 'topic' | 'partition'>[],
  written: readonly Pick<RecordMetadata, 'topicName' | 'partition' | 'baseOffset'>[],
): (number | null)[] {
  const next = new Map(
    written.map(({ topicName, partition, baseOffset }) => [
      `${topicName}/${partition}`,
      Number(baseOffset ?? -1),
    ]),
  );
  return records.map(({ topic, partition }) => {
    const place = `${topic}/${partition ?? 'by key'}`;
    const offset = next.get(place) ?? -1;
    if (offset < 0) return null;
    next.set(place, offset + 1);
    return offset;
  });
}

const hash = Partitioners.DefaultPartitioner();
const metadata = new Map<number, PartitionMetadata[]>();

/**
 * Which partition a key belongs to: by the same hash as kafkajs and every Java client.
 * @param partitions how many the topic has.
 */
export function partitionOf(key: string, partitions: number): number {
  let partitionMetadata = metadata.get(partitions);
  if (partitionMetadata === undefined) {
    partitionMetadata = Array.from({ length: partitions }, (_, partitionId) => ({
      partitionErrorCode: 0,
      partitionId,
      leader: 0,
      replicas: [],
      isr: [],
      offlineReplicas: [],
    }));
    metadata.set(partitions, partitionMetadata);
  }
  return hash({ topic: '', partitionMetadata, message: { key, value: null } });
}
