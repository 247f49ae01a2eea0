import { Type, type Schema } from 'avsc';
import { UndecodableRecordError } from '../kafka/undecodable-record-error';
import { createCodec, createWriterDecoder } from './codec';
import { RegistryUnavailableError, type Registry } from './registry';
import type { RecordSchema } from './schema-file';

const version1: RecordSchema = {
  type: 'record',
  name: 'Thing',
  fields: [{ name: 'id', type: 'long' }],
};
const version2: RecordSchema = {
  ...version1,
  fields: [...version1.fields, { name: 'note', type: ['null', 'string'], default: null }],
};

/** Numbers schemas as they come, and answers like the real one. */
class MemoryRegistry implements Registry {
  readonly #types: Type[] = [];
  isDown = false;

  register(_subject: string, schema: RecordSchema): Promise<number> {
    if (this.isDown) return Promise.reject(new RegistryUnavailableError('down'));
    return Promise.resolve(this.#types.push(Type.forSchema(schema as unknown as Schema)));
  }

  knownType(): undefined {
    return undefined;
  }

  writerType(id: number): Promise<Type> {
    if (this.isDown) return Promise.reject(new RegistryUnavailableError('down'));
    const type = this.#types[id - 1];
    return type
      ? Promise.resolve(type)
      : Promise.reject(new UndecodableRecordError('unknown', null));
  }
}

interface Thing {
  readonly id: number;
  readonly note?: string | null;
}
const codec = (registry: Registry, schema: RecordSchema) =>
  createCodec<Thing>(registry, { subject: 'things-value', schema });

test('a value comes back as it was, behind a zero byte and the schema id', async () => {
  const registry = new MemoryRegistry();
  const bytes = await codec(registry, version1).encode({ id: 2 ** 53 - 2 });
  expect([...bytes.subarray(0, 5)]).toEqual([0, 0, 0, 0, 1]);
  await expect(codec(registry, version1).decode(bytes)).resolves.toEqual({ id: 2 ** 53 - 2 });
});

test('older and newer versions come out in our own shape', async () => {
  const registry = new MemoryRegistry();
  const old = await codec(registry, version1).encode({ id: 1 });
  const young = await codec(registry, version2).encode({ id: 2, note: 'x' });
  await expect(codec(registry, version2).decode(old)).resolves.toEqual({ id: 1, note: null });
  await expect(codec(registry, version1).decode(young)).resolves.toEqual({ id: 2 });
});

test('the writer decoder gives what was written, and null for a tombstone', async () => {
  const registry = new MemoryRegistry();
  const bytes = await codec(registry, version2).encode({ id: 2, note: 'x' });
  const decode = createWriterDecoder<Thing>(registry);
  await expect(decode(bytes)).resolves.toEqual({ id: 2, note: 'x' });
  expect(decode(null)).toBeNull();
});

test.each([
  ['no bytes', Buffer.alloc(0)],
  ['text', Buffer.from('{"id": 1}')],
])('%s: undecodable', (_name, bytes) => {
  expect(() => codec(new MemoryRegistry(), version1).decode(bytes)).toThrow(UndecodableRecordError);
});

test('bytes that do not fit their schema are undecodable, and the error does not quote them', async () => {
  const registry = new MemoryRegistry();
  const thing = codec(registry, version2);
  const bytes = await thing.encode({ id: 1, note: 'password123' });
  const decoding = thing.decode(bytes.subarray(0, -3));
  await expect(decoding).rejects.toThrow(UndecodableRecordError);
  await expect(decoding).rejects.not.toThrow(/passw/);
});

test('an integer above 2^53 is refused, not rounded', async () => {
  const registry = new MemoryRegistry();
  const bytes = await codec(registry, version1).encode({ id: 1 });
  const huge = Buffer.concat([bytes.subarray(0, 5), Buffer.from('ffffffffffffffff7f', 'hex')]);
  await expect(codec(registry, version1).decode(huge)).rejects.toThrow(UndecodableRecordError);
});

test('a registry that is away is no fault of the record', async () => {
  const registry = new MemoryRegistry();
  const bytes = await codec(registry, version1).encode({ id: 1 });
  registry.isDown = true;
  await expect(codec(registry, version1).decode(bytes)).rejects.toThrow(RegistryUnavailableError);
});

test('a value that does not fit names its fields', async () => {
  await expect(
    codec(new MemoryRegistry(), version2).encode({ id: 'x', note: 5 } as unknown as Thing),
  ).rejects.toThrow('The value does not fit Thing: id, note.');
});

test('a registration that failed is tried again', async () => {
  const registry = new MemoryRegistry();
  const thing = codec(registry, version1);
  registry.isDown = true;
  await expect(thing.register()).rejects.toThrow(RegistryUnavailableError);
  registry.isDown = false;
  await expect(thing.register()).resolves.toBe(1);
});
