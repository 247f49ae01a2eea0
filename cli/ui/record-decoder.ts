/** Decodes keys and values for the page; what cannot be read becomes a sentence, never a failure. */
import type { z } from 'zod';
import { createWriterDecoder, payloadOf } from '../../lib/avro/codec';
import { openRegistry } from '../../lib/avro/open-registry';
import { RegistryUnavailableError, type Registry } from '../../lib/avro/registry';
import { createStateCodec, schemaHeader, type StateCodec } from '../../lib/avro/state-codec';
import { headerText } from '../../lib/kafka/header-text';
import type { LogRecord } from '../../lib/kafka/log-reader';
import { topicNames } from '../../lib/kafka/topics/topics';
import { systemClock } from '../../lib/process/clock';
import type { uiSchema } from '../../lib/process/config';
import type { Decoded, ReadParts } from './shown-record';

type UiConfig = z.output<typeof uiSchema>;

const registryLimitMs = 3_000;

/** Topics that are read by the schema that each record names in a header (ADR 0027). */
const steering: readonly string[] = [topicNames.control, topicNames.status];
/** Topics whose keys Connect writes in Avro. */
const hasAvroKeys = (topic: string): boolean => /^(cdc\.|__debezium)/.test(topic);

export class RecordDecoder {
  readonly #registry: Registry;
  readonly #decode: (bytes: Buffer | null) => unknown;
  readonly #steering = new Map<string, StateCodec<unknown>>();
  /** A registry that did not answer once is not waited for with each record of a page. */
  #silence: { readonly sentence: string; readonly untilMs: number } | null = null;

  constructor(private readonly config: UiConfig) {
    this.#registry = openRegistry(config, { timeoutMs: registryLimitMs });
    this.#decode = createWriterDecoder(this.#registry);
  }

  /** @param topic without the namespace. */
  async read(topic: string, record: LogRecord): Promise<ReadParts> {
    const { key, value, headers } = record;
    const isAvroKey = key !== null && hasAvroKeys(topic);
    const schema = headerText(headers, schemaHeader);
    const isSteering = steering.includes(topic) && schema !== null;
    return {
      key: key === null ? null : await this.keyOf(topic, key),
      keySchema: isAvroKey ? await this.#schemaOf(key) : null,
      value: value === null ? null : await this.#try(() => this.#valueOf(topic, value, schema)),
      valueSchema: value === null ? null : isSteering ? topic : await this.#schemaOf(value),
    };
  }

  /** @returns null for a key that is plain text. @param topic without the namespace. */
  async keyOf(topic: string, key: Buffer): Promise<Decoded | null> {
    return hasAvroKeys(topic) ? this.#try(() => this.#decode(key)) : null;
  }

  #valueOf(topic: string, value: Buffer, schema: string | null): unknown {
    if (schema === null || !steering.includes(topic)) return this.#decode(value);
    return this.#codecOf(topic).decode(value, { [schemaHeader]: schema });
  }

  #codecOf(name: string): StateCodec<unknown> {
    const known = this.#steering.get(name);
    if (known) return known;
    const subject = `${this.config.AFTERBUILD_NAMESPACE}${name}-value`;
    const registry = this.#registry;
    const codec = createStateCodec<unknown>({ registry, subject, name, clock: systemClock });
    this.#steering.set(name, codec);
    return codec;
  }

  /** `afterbuild.ExpiredArtifacts (schema 7)`; null where it cannot be known. */
  async #schemaOf(bytes: Buffer): Promise<string | null> {
    const found = await this.#try(async () => {
      const { id } = payloadOf(bytes);
      const { name } = await this.#registry.writerType(id);
      return `${name ?? 'unnamed'} (schema ${id})`;
    });
    return 'content' in found ? String(found.content) : null;
  }

  async #try(read: () => unknown): Promise<Decoded> {
    const { sentence = '', untilMs = 0 } = this.#silence ?? {};
    if (systemClock.nowMs() < untilMs) return { damage: sentence };
    try {
      return { content: await read() };
    } catch (error) {
      const damage = error instanceof Error ? error.message : String(error);
      if (error instanceof RegistryUnavailableError) {
        this.#silence = { sentence: damage, untilMs: systemClock.nowMs() + registryLimitMs };
      }
      return { damage };
    }
  }
}
