/**
 * Avro longs without avsc's faults. avsc reads a negative one below −2^52 with its sign changed (-9007199254740991
 * comes out positive), and writes it so, too; and it refuses a whole record for one long beyond ±2^53.
 */
import { type Schema, Type, types } from 'avsc';

const minLong = -(2n ** 63n);
const maxLong = 2n ** 63n - 1n;

/** Eight bytes, little-endian: a number where that is exact, or else a bigint. */
function read(bytes: Buffer): number | bigint {
  const high = bytes.readInt32LE(4);
  const value = high * 2 ** 32 + bytes.readUInt32LE(0);
  return Number.isSafeInteger(value) ? value : bytes.readBigInt64LE();
}

function write(value: number | bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64LE(BigInt(value));
  return bytes;
}

const isSafe = (value: unknown): value is number => Number.isSafeInteger(value);

const isLong = (value: unknown): value is number | bigint =>
  isSafe(value) || (typeof value === 'bigint' && value >= minLong && value <= maxLong);

const compare = (a: number | bigint, b: number | bigint): 0 | 1 | -1 =>
  a === b ? 0 : a < b ? -1 : 1;

/** For our own topics: a number, and an error for a long that no number holds. */
const numberLong = types.LongType.__with({
  fromBuffer: (bytes: Buffer) => {
    const value = read(bytes);
    if (isSafe(value)) return value;
    throw new RangeError('A long of the record is beyond 2^53.');
  },
  toBuffer: write,
  fromJSON: (value: number) => value,
  toJSON: (value: number) => value,
  isValid: isSafe,
  compare,
});

/** For topics of other writers: every long, those beyond ±2^53 as bigint. */
const wideLong = types.LongType.__with({
  fromBuffer: read,
  toBuffer: write,
  fromJSON: (value: number | string) => (typeof value === 'string' ? BigInt(value) : value),
  toJSON: (value: number | bigint) => (typeof value === 'bigint' ? value.toString() : value),
  isValid: isLong,
  compare,
});

/** The type whose longs are safe integers. */
export const typeOf = (schema: Schema): Type =>
  Type.forSchema(schema, { registry: { long: numberLong } });

/** The same schema with longs over their whole range: `number`, or `bigint` beyond ±2^53. */
export const wideTypeOf = (type: Type): Type =>
  Type.forSchema(type.schema({ exportAttrs: true }), { registry: { long: wideLong } });

/**
 * The first long beyond 2^53 of a value that a wide type has read, for a message: `sizeBytes of artifacts 3 (id 17)`.
 * Undefined when there is none.
 */
export function unsafeLongIn(value: unknown, path = ''): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  for (const [name, member] of Object.entries(value)) {
    if (typeof member === 'bigint') return path === '' ? name : `${name} of ${path}${idIn(value)}`;
    const found = unsafeLongIn(member, path === '' ? name : `${path} ${name}`);
    if (found !== undefined) return found;
  }
  return undefined;
}

const idIn = (value: object): string =>
  'id' in value && typeof value.id === 'number' ? ` (id ${value.id})` : '';
