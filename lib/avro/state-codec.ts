/**
 * Values of the steering topics, readable and writable without the registry (ADR 0027).
 *
 * Each record names its schema in a header, by the schema's own fingerprint. Every released version is stored beside
 * the code, so the bytes can be read from the name alone. The registry's id in the bytes is for other tools; a writer
 * that cannot get it writes 0.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Schema, Type } from 'avsc';
import type { Clock } from '../process/clock';
import { projectRoot } from '../process/root';
import { within } from '../process/within';
import { createCodec, createPayloadReader, encodeState, payloadOf } from './codec';
import { typeOf } from './long';
import { type Registry, RegistryUnavailableError } from './registry';
import { loadSchema, type RecordSchema } from './schema-file';

/** On every record of such a topic that has a value. */
export const schemaHeader = 'afterbuild-schema';
/** Stands for a schema whose id in the registry is not known; no registry assigns it. */
export const noSchemaId = 0;

/** The headers of a record as text. */
type HeaderTexts = Readonly<Record<string, string>>;

export interface EncodedState {
  readonly value: Buffer;
  readonly headers: HeaderTexts;
}

export interface StateCodec<V> {
  /**
   * Never waits for the registry longer than `registryWaitMs`.
   * @throws Error that names the fields which do not fit; Error when the registry refuses the schema.
   */
  encode(value: V): Promise<EncodedState>;
  /**
   * Synchronous when the header names a schema of ours. Only for records of versions before the header the registry is
   * asked.
   * @throws UndecodableRecordError, RegistryUnavailableError.
   */
  decode(bytes: Buffer, headers: HeaderTexts): V | Promise<V>;
}

interface StateCodecOptions {
  readonly registry: Registry;
  /** `<topic>-value`, with its namespace. */
  readonly subject: string;
  /** As in `topics.ts`. */
  readonly name: string;
  readonly clock: Clock;
  readonly registryWaitMs?: number;
}

const registryWaitDefaultMs = 2_000;
/** After a failure the id is not asked for with each record. */
const askAgainMs = 30_000;

export function createStateCodec<V>(options: StateCodecOptions): StateCodec<V> {
  return new NamedSchemaCodec<V>(options);
}

class NamedSchemaCodec<V> implements StateCodec<V> {
  readonly #options: StateCodecOptions;
  readonly #type: Type;
  readonly #name: string;
  readonly #viaRegistry: ReturnType<typeof createCodec<V>>;
  readonly #readers: ReadonlyMap<string, (payload: Buffer) => unknown>;
  /** Of our schema, from the registry or from a record that was written with it. */
  #id: number | null = null;
  #askedInVainAtMs = -Infinity;

  constructor(options: StateCodecOptions) {
    const { registry, subject, name } = options;
    const schema = loadSchema(name);
    this.#options = options;
    this.#type = typeOf(schema as unknown as Schema);
    this.#name = fingerprintOf(schema);
    this.#viaRegistry = createCodec<V>(registry, { subject, schema });
    this.#readers = new Map(
      [schema, ...releasedSchemas(name)].map((writer) => [
        fingerprintOf(writer),
        createPayloadReader(this.#type, Type.forSchema(writer as unknown as Schema), name),
      ]),
    );
  }

  async encode(value: V): Promise<EncodedState> {
    const id = await this.#ourId();
    return {
      value: encodeState(this.#type, id, value),
      headers: { [schemaHeader]: this.#name },
    };
  }

  decode(bytes: Buffer, headers: HeaderTexts): V | Promise<V> {
    const named = headers[schemaHeader];
    const read = named === undefined ? undefined : this.#readers.get(named);
    if (!read) return this.#viaRegistry.decode(bytes);
    const { id, payload } = payloadOf(bytes);
    if (named === this.#name && id !== noSchemaId) this.#id ??= id;
    return read(payload) as V;
  }

  async #ourId(): Promise<number> {
    if (this.#id !== null) return this.#id;
    const { clock, registryWaitMs = registryWaitDefaultMs } = this.#options;
    if (clock.nowMs() - this.#askedInVainAtMs < askAgainMs) return noSchemaId;
    const asked = this.#viaRegistry.register().catch((error: unknown) => {
      if (error instanceof RegistryUnavailableError) return null;
      throw error;
    });
    const id = await within(clock, registryWaitMs, asked, null);
    if (id === null) this.#askedInVainAtMs = clock.nowMs();
    else this.#id = id;
    return id ?? noSchemaId;
  }
}

/** Covers only what decides how bytes are read: neither documentation nor the order of attributes changes it. */
const fingerprintOf = (schema: RecordSchema): string =>
  Type.forSchema(schema as unknown as Schema)
    .fingerprint('sha256')
    .toString('hex')
    .slice(0, 32);

function releasedSchemas(name: string): RecordSchema[] {
  const files = readdirSync(join(projectRoot, 'schemas', 'released'));
  return files
    .filter((file) => file.startsWith(`${name}.v`) && file.endsWith('.avsc'))
    .map((file) => loadSchema(`released/${file.replace(/\.avsc$/, '')}`));
}
