/**
 * How many bytes a fetch asks of each partition: as many as filled about `memoryBytes` of memory the last time. Kafka
 * counts bytes as sent, and records that compress well take fifty times as much in memory (ADR 0014).
 */
import type { Broker } from 'kafkajs';

type FetchRequest = Parameters<Broker['fetch']>[0];

/** The parts of a decoded answer of kafkajs that count here. */
export interface FetchAnswer {
  readonly responses: readonly {
    readonly topicName: string;
    readonly partitions: readonly {
      readonly partition: number;
      readonly highWatermark: string;
      readonly messages: readonly FetchedMessage[];
    }[];
  }[];
}

interface FetchedMessage {
  readonly offset: string;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
}

interface FetchLimits {
  /** The most that is asked of a partition, in bytes as sent. */
  readonly bytesMax: number;
  /** What one answer should bring of a partition, in bytes of memory. */
  readonly memoryBytes: number;
}

/** Asked of a partition whose records are not known yet. */
const firstBytes = 256 * 1024;
const bytesMin = 16 * 1024;
/** Objects and views of a record, beside its bytes. */
const recordOverheadBytes = 512;
const sampledRecords = 16;

export class FetchSizes {
  readonly #limits: FetchLimits;
  readonly #bytes = new Map<string, number>();

  constructor(limits: FetchLimits) {
    this.#limits = limits;
  }

  /** The same request, with the size of each partition's share. */
  sized(request: FetchRequest): FetchRequest {
    const topics = request.topics.map(({ topic, partitions }) => ({
      topic,
      partitions: partitions.map((one) => ({ ...one, maxBytes: this.#of(topic, one.partition) })),
    }));
    return { ...request, topics };
  }

  measure({ responses }: FetchAnswer): void {
    for (const { topicName, partitions } of responses) {
      for (const { partition, highWatermark, messages } of partitions) {
        const last = messages.at(-1);
        if (!last) continue;
        const isAll = Number(last.offset) + 1 >= Number(highWatermark);
        this.#brought(topicName, partition, memoryOf(messages), isAll);
      }
    }
  }

  #of(topic: string, partition: number): number {
    const known = this.#bytes.get(`${topic}/${partition}`);
    return known ?? Math.min(firstBytes, this.#limits.bytesMax);
  }

  #brought(topic: string, partition: number, broughtBytes: number, isAll: boolean): void {
    const { bytesMax, memoryBytes } = this.#limits;
    const share = memoryBytes / broughtBytes;
    // A small answer says nothing when the partition had no more to bring.
    if (share > 1 && isAll) return;
    const next = this.#of(topic, partition) * Math.min(2, share);
    const bytes = Math.round(Math.min(bytesMax, Math.max(Math.min(bytesMin, bytesMax), next)));
    this.#bytes.set(`${topic}/${partition}`, bytes);
  }
}

/** Measured on a few records: measuring all would cost what it saves. */
function memoryOf(messages: readonly FetchedMessage[]): number {
  const step = Math.max(1, Math.floor(messages.length / sampledRecords));
  let bytes = 0;
  let sampled = 0;
  for (let at = 0; at < messages.length; at += step) {
    const { key = null, value = null } = messages[at] ?? {};
    bytes += (key?.length ?? 0) + (value?.length ?? 0);
    sampled += 1;
  }
  return messages.length * (bytes / sampled + recordOverheadBytes);
}
