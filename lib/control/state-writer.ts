/** Writes values to compacted topics, for processes that have no other producer. */
import type { Registry } from '../avro/registry';
import { createStateCodec, type EncodedState, type StateCodec } from '../avro/state-codec';
import type { RecordProducer } from '../kafka/producer';
import type { RecordHeaders } from '../kafka/header-text';
import type { Clock } from '../process/clock';

interface StateWriterOptions {
  readonly registry: Registry;
  /** Created and connected at the first write: most work of the process must not wait for it. */
  readonly createProducer: () => RecordProducer;
  readonly clock: Clock;
}

export class StateWriter {
  readonly #options: StateWriterOptions;
  #producer: Promise<RecordProducer> | null = null;

  constructor(options: StateWriterOptions) {
    this.#options = options;
  }

  /** @param name as in `topics.ts`; `topic` is its full name. */
  codecOf<V>(topic: string, name: string): StateCodec<V> {
    const { registry, clock } = this.#options;
    return createStateCodec<V>({ registry, clock, subject: `${topic}-value`, name });
  }

  /**
   * Resolves when all replicas have it.
   * @param state null removes the value under the key; `headers` are added.
   * @throws the error of the producer.
   */
  async write(
    topic: string,
    key: string,
    state: EncodedState | null,
    headers: RecordHeaders = {},
  ): Promise<void> {
    const producer = await this.#connected();
    const value = state?.value ?? null;
    await producer.send([{ topic, key, value, headers: { ...state?.headers, ...headers } }]);
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
