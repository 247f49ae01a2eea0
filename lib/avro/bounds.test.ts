import { Type, type Schema } from 'avsc';
import fc from 'fast-check';
import { loadSchema } from './schema-file';
import { boundsOf } from './bounds';

const typeOf = (schema: unknown): Type => Type.forSchema(schema as Schema);
const list = typeOf({
  type: 'record',
  name: 'List',
  fields: [
    { name: 'names', type: { type: 'array', items: ['null', 'string'] } },
    { name: 'map', type: { type: 'map', values: 'double' } },
    { name: 'at', type: ['null', 'long', { type: 'fixed', name: 'F', size: 3 }] },
  ],
});

test('everything that a writer wrote is within its bounds', () => {
  const value = fc.record({
    names: fc.array(fc.option(fc.string()), { maxLength: 3_000 }),
    map: fc.dictionary(fc.string(), fc.double({ noNaN: true })),
    at: fc.option(
      // The bounds of the values that avsc writes unchanged.
      fc.oneof(fc.integer(), fc.constantFrom(-(2 ** 52), 2 ** 53 - 2)).map((long) => ({ long })),
      { nil: null },
    ),
  });
  const wrapped = Type.forSchema(list.schema(), { wrapUnions: 'auto' });
  fc.assert(
    fc.property(value, (given) => {
      const plain = { ...given, at: given.at?.long ?? null };
      const bytes = wrapped.isValid(plain) ? wrapped.toBuffer(plain) : wrapped.toBuffer(given);
      expect(() => boundsOf(wrapped)?.(bytes)).not.toThrow();
    }),
  );
  const expired = typeOf(loadSchema('artifacts.expired'));
  const random = Array.from({ length: 20 }, () => expired.random());
  for (const one of random) boundsOf(expired)?.(expired.toBuffer(one));
});

/** Declares 5,000 items in two bytes: harmless, and far more than the bytes can hold. */
const manyItems = Buffer.from([0x90, 0x4e]);

test.each([
  ['an array', { type: 'array', items: 'long' }, manyItems],
  [
    'an array of empty records',
    { type: 'array', items: { type: 'record', name: 'E', fields: [] } },
    manyItems,
  ],
  [
    'blocks that add up',
    { type: 'array', items: 'null' },
    Buffer.from([0xa0, 0x06, 0xa0, 0x06, 0xa0, 0x06, 0]),
  ],
  ['a block with a size', { type: 'array', items: 'null' }, Buffer.from([0x8f, 0x4e, 0, 0])],
  ['a map', { type: 'map', values: 'null' }, manyItems],
  ['a text in an array', { type: 'array', items: 'string' }, Buffer.from([2, 0x90, 0x4e, 65])],
  ['a length below nothing', { type: 'array', items: 'bytes' }, Buffer.from([2, 1, 0])],
])('%s that is longer than its bytes is refused before it is made', (_, schema, bytes) => {
  expect(() => boundsOf(typeOf(schema))?.(bytes)).toThrow();
});

test('a type without arrays and maps is not looked at', () => {
  expect(boundsOf(typeOf('string'))).toBeUndefined();
});
