/**
 * Values to bytes and back, in Confluent's wire format: a zero byte, the schema's id in four bytes, Avro.
 *
 * Reading resolves from the writer's schema to ours, so that records of older and newer versions come out in our shape.
 * The library can do that too, but builds types and resolver anew for every record. Longs of ours are numbers: one
 * beyond 2^53 makes the record undecodable, never wrong (see long.ts).
 */
import { isDeepStrictEqual } from 'node:util';
import type { Resolver, Schema, Type } from 'avsc';
import { UndecodableRecordError } from '../runtime/poison';
import { boundsOf } from './bounds';
import { typeOf, unsafeLongIn, wideTypeOf } from './long';
import type { Registry } from './registry';
import type { RecordSchema } from './schema-file';

const headerBytes = 5;

export interface Codec<V> {
  /** Registers the schema at its subject; needed before `encode`. @returns the schema's id. */
  register(): Promise<number>;
  /** @throws Error that names the fields which do not fit the schema; RegistryUnavailableError at the first call. */
  encode(value: V): Promise<Buffer>;
  /**
   * Synchronous when the writer's schema is known already. @throws UndecodableRecordError, RegistryUnavailableError.
   */
  decode(bytes: Buffer | null): V | Promise<V>;
}

interface CodecOptions {
  /** `<topic>-value`, the topic's full name with its namespace. */
  readonly subject: string;
  readonly schema: RecordSchema;
  /**
   * For a topic that is state: the value is stored nowhere else, so `encode` reads each one back before it is written,
   * and throws when it is not the same.
   */
  readonly isState?: boolean;
}

export function createCodec<V>(
  registry: Registry,
  { subject, schema, isState = false }: CodecOptions,
): Codec<V> {
  const type = typeOf(schema as unknown as Schema);
  const read = createReader(registry, type);
  let registering: Promise<number> | null = null;
  const register = (): Promise<number> => {
    registering ??= registry.register(subject, schema).catch((error: unknown) => {
      registering = null;
      throw error;
    });
    return registering;
  };
  return {
    register,
    encode: async (value) => {
      const id = await register();
      return isState ? encodeState(type, id, value) : encodeWith(type, id, value);
    },
    decode: (bytes) => {
      if (bytes === null) throw new UndecodableRecordError('The record has no value.', 'no-value');
      return read(bytes) as V | Promise<V>;
    },
  };
}

/**
 * For topics whose schema Connect registers: the value as its writer's schema describes it.
 * @returns null for a tombstone. A long beyond ±2^53 is a bigint, so that it spoils its own field only.
 */
export function createWriterDecoder<V>(
  registry: Registry,
): (bytes: Buffer | null) => V | null | Promise<V | null> {
  const read = createReader(registry, null);
  return (bytes) => (bytes === null ? null : (read(bytes) as V | Promise<V>));
}

function encodeWith(type: Type, id: number, value: unknown): Buffer {
  const wrong: string[] = [];
  const isValid = type.isValid(value, { errorHook: (path) => wrong.push(path.join('.')) });
  if (!isValid) {
    throw new Error(`The value does not fit ${type.name ?? 'its schema'}: ${wrong.join(', ')}.`);
  }
  const head = Buffer.alloc(headerBytes);
  head.writeInt32BE(id, 1);
  return Buffer.concat([head, type.toBuffer(value)]);
}

/** For a topic that is state: @throws Error also when the bytes would be read back as another value. */
export function encodeState(type: Type, id: number, value: unknown): Buffer {
  const bytes = encodeWith(type, id, value);
  requireSame(type, bytes, value);
  return bytes;
}

/** @throws Error when the bytes would not be read as the given value. */
function requireSame(type: Type, bytes: Buffer, value: unknown): void {
  const read: unknown = type.fromBuffer(bytes.subarray(headerBytes));
  if (isDeepStrictEqual(structuredClone(read), structuredClone(value))) return;
  throw new Error(`What was encoded as ${type.name ?? 'state'} is read back as something else.`);
}

/** @param reader null reads with the writer's own schema. */
function createReader(registry: Registry, reader: Type | null): (bytes: Buffer) => unknown {
  const decoders = new Map<number, (payload: Buffer) => unknown>();
  const decoderFor = (id: number, writer: Type): ((payload: Buffer) => unknown) => {
    const known = decoders.get(id);
    if (known) return known;
    const decoder = boundedDecoder(reader, writer, id);
    decoders.set(id, decoder);
    return decoder;
  };
  return (bytes) => {
    const { id, payload } = payloadOf(bytes);
    const known = registry.knownType(id);
    if (known) return readPayload(decoderFor(id, known), payload, id);
    return registry.writerType(id).then((type) => readPayload(decoderFor(id, type), payload, id));
  };
}

/** Lengths are checked before memory is taken. @param name of the writer's schema, for messages. */
function boundedDecoder(
  reader: Type | null,
  writer: Type,
  name: number | string,
): (payload: Buffer) => unknown {
  const checkBounds = boundsOf(writer);
  const read = reader ? resolvingDecoder(reader, writer, name) : writerDecoder(writer);
  return (payload) => {
    checkBounds?.(payload);
    return read(payload);
  };
}

/** Reads bytes of `writer`, behind the id, into the shape of `reader`. @throws UndecodableRecordError. */
export function createPayloadReader(
  reader: Type,
  writer: Type,
  name: string,
): (payload: Buffer) => unknown {
  const read = boundedDecoder(reader, writer, name);
  return (payload) => readPayload(read, payload, name);
}

/** @throws UndecodableRecordError for bytes that are not in the wire format. */
export const payloadOf = (bytes: Buffer): { readonly id: number; readonly payload: Buffer } => ({
  id: schemaId(bytes),
  payload: bytes.subarray(headerBytes),
});

function writerDecoder(writer: Type): (payload: Buffer) => unknown {
  const type = wideTypeOf(writer);
  return (payload) => type.fromBuffer(payload) as unknown;
}

/** Looks for the faulty field only when there is one. */
function resolvingDecoder(
  reader: Type,
  writer: Type,
  id: number | string,
): (payload: Buffer) => unknown {
  const resolver = createResolver(reader, writer, id);
  return (payload) => {
    try {
      return reader.fromBuffer(payload, resolver) as unknown;
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      const field = unsafeLongIn(wideTypeOf(writer).fromBuffer(payload));
      if (field === undefined) throw error;
      throw new UndecodableRecordError(
        `The record's ${field} is beyond 2^53: no number that we can reckon with.`,
        'not-a-value',
      );
    }
  };
}

function schemaId(bytes: Buffer): number {
  if (bytes.length < headerBytes || bytes[0] !== 0) {
    throw new UndecodableRecordError(
      `The record is not in Confluent's wire format (${bytes.length} bytes).`,
      'wire-format',
    );
  }
  return bytes.readInt32BE(1);
}

function createResolver(reader: Type, writer: Type, id: number | string): Resolver {
  try {
    return reader.createResolver(writer);
  } catch (error) {
    throw new UndecodableRecordError(
      `What was written with schema ${id} cannot be read as ${reader.name ?? 'our schema'}.`,
      null,
      { cause: error },
    );
  }
}

/** avsc's messages may quote the payload, so they go to `cause` only where no log prints them. */
function readPayload(
  read: (payload: Buffer) => unknown,
  payload: Buffer,
  id: number | string,
): unknown {
  try {
    return read(payload);
  } catch (error) {
    if (error instanceof UndecodableRecordError) throw error;
    throw new UndecodableRecordError(
      `The record's ${payload.length} bytes are not a value of schema ${id}.`,
      'not-a-value',
    );
  }
}
