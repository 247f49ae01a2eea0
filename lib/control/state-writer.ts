/** Writes values to compacted topics, from a process that may have nothing else to write. */
import { createCodec, type Codec } from '../avro/codec';
import type { Registry } from '../avro/registry';
import { loadSchema } from '../avro/schema-file';
import type { OutgoingRecord, RecordProducer } from '../kafka/producer';

export interface StateWriterOptions {
  readonly registry: Registry;
  /** Made, and connected, at the first write: most of what the process does must not wait for it. */
  readonly createProducer: () => RecordProducer;
}

export class StateWriter {
  readonly #options: StateWriterOptions;
  #producer: Promise<RecordProducer> | null = null;

  constructor(options: StateWriterOptions) {
    this.#options = options;
  }

  /** @param name as in `topics.ts`; `topic` is its full name. */
  codecOf<V>(topic: string, name: string): Codec<V> {
    const subject = `${topic}-value`;
    return createCodec<V>(this.#options.registry, {
      subject,
      schema: loadSchema(name),
      isState: true,
    });
  }

  /** Resolves when all replicas have it. @throws what the registry or the producer threw. */
  async write(record: OutgoingRecord): Promise<void> {
    const producer = await this.#connected();
    await producer.send([record]);
  }

  async close(): Promise<void> {
    const producer = await this.#producer?.catch(() => null);
    await producer?.disconnect();
  }

  #connected(): Promise<RecordProducer> {
    this.#producer ??= this.#connect().catch((error: unknown) => {
      this.#producer = null;
      throw error;
    });
    return this.#producer;
  }

  async #connect(): Promise<RecordProducer> {
    const producer = this.#options.createProducer();
    await producer.connect();
    return producer;
  }
}
