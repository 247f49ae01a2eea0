import { Type, type Schema } from 'avsc';
import fc from 'fast-check';
import { UndecodableRecordError } from '../runtime/poison';
import { createCodec, createWriterDecoder } from './codec';
import { wideTypeOf } from './long';
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

/** Numbers schemas in the order of registration, and answers like the real one. */
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

test('the error for such an integer names its field and the id beside it', async () => {
  const registry = new MemoryRegistry();
  const thing = { type: 'record', name: 'Item', fields: [] as unknown[] };
  thing.fields.push({ name: 'id', type: 'long' }, { name: 'size', type: ['null', 'long'] });
  const list: RecordSchema = {
    ...{ type: 'record', name: 'List' },
    fields: [{ name: 'items', type: { type: 'array', items: thing } }],
  };
  const wide = wideTypeOf(Type.forSchema(list as unknown as Schema));
  const value = {
    items: [
      { id: 7, size: null },
      { id: 8, size: 2n ** 53n + 1n },
    ],
  };
  const head = (await codec(registry, version1).encode({ id: 1 })).subarray(0, 5);
  head[4] = await codec(registry, list).register();
  const bytes = Buffer.concat([head, wide.toBuffer(value)]);
  await expect(codec(registry, list).decode(bytes)).rejects.toMatchObject({
    message: expect.stringContaining('size of items 1 (id 8) is beyond 2^53') as string,
    poison: 'not-a-value',
  });
  await expect(createWriterDecoder(registry)(bytes)).resolves.toEqual(value);
});

test('every long comes back as it was written, by our types and by those of others', async () => {
  const registry = new MemoryRegistry();
  const ours = codec(registry, version1);
  await fc.assert(
    fc.asyncProperty(fc.maxSafeInteger(), async (id) => {
      await expect(ours.decode(await ours.encode({ id }))).resolves.toEqual({ id });
    }),
    { examples: [[-(2 ** 53) + 1], [-(2 ** 52) - 1], [2 ** 53 - 1]] },
  );
  const wide = wideTypeOf(Type.forSchema({ type: 'long' }));
  fc.assert(
    fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (long) => {
      expect(BigInt(wide.fromBuffer(wide.toBuffer(long)) as number | bigint)).toBe(long);
    }),
    { examples: [[-(2n ** 63n)], [2n ** 63n - 1n], [-(2n ** 52n) - 1n], [2n ** 53n + 1n]] },
  );
});

test('state that would be read back as something else is not written', async () => {
  const options = { subject: 'things-value', schema: version1, isState: true };
  const state = createCodec<Thing>(new MemoryRegistry(), options);
  await expect(state.encode({ id: 5 })).resolves.toBeInstanceOf(Buffer);
  // Not in the schema: it would be lost silently.
  await expect(state.encode({ id: 5, note: 'x' })).rejects.toThrow('read back as something else');
});

test('an unavailable registry is no fault of the record', async () => {
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
