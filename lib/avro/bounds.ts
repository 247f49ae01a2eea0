/**
 * Checks the lengths and counts that Avro's bytes declare, before memory is taken for them: avsc allocates an array of
 * the declared length, and reads on behind the end of the bytes until it is full.
 */
import type { Type } from 'avsc';

/** An item of an array or a map takes some bytes; a few are free, since an item of an empty record takes none. */
const itemsFree = 1_000;
const bytesAnItem = 4;
const depthMax = 64;

class OutOfBoundsError extends Error {
  override readonly name = 'OutOfBoundsError';
}

class Reader {
  #at = 0;
  #items: number;

  constructor(private readonly bytes: Buffer) {
    this.#items = itemsFree + bytes.length / bytesAnItem;
  }

  skip(length: number): void {
    if (!(length >= 0 && length <= this.bytes.length - this.#at)) throw new OutOfBoundsError();
    this.#at += length;
  }

  /** Exact up to 2^53; anything larger is out of all bounds here. */
  long(): number {
    let value = 0;
    for (let factor = 1, length = 0; length < 10; factor *= 128, length += 1) {
      const byte = this.bytes[this.#at];
      if (byte === undefined) break;
      this.#at += 1;
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
    }
    throw new OutOfBoundsError();
  }

  /** @returns how many items follow; 0 at the end. */
  block(): number {
    const count = this.long();
    if (count < 0) this.long();
    this.#items -= Math.abs(count);
    if (this.#items < 0) throw new OutOfBoundsError();
    return Math.abs(count);
  }
}

type Skip = (reader: Reader, depth: number) => void;

/** The parts of avsc's types that are needed here; its own declarations leave them out. */
interface Described {
  readonly typeName: string;
  readonly fields?: readonly { readonly type: Type }[];
  readonly itemsType?: Type;
  readonly valuesType?: Type;
  readonly types?: readonly Type[];
  readonly size?: number;
  readonly underlyingType?: Type;
}

/**
 * @param type of the writer.
 * @returns a function that throws for bytes with impossible lengths or counts; undefined when the type has no arrays
 * and maps, since then avsc takes no more memory than there are bytes.
 */
export function boundsOf(type: Type): ((bytes: Buffer) => void) | undefined {
  const known = new Map<Type, Skip>();
  const state = { hasItems: false };
  const skip = skipOf(type, known, state);
  return state.hasItems ? (bytes) => skip(new Reader(bytes), 0) : undefined;
}

function skipOf(type: Type, known: Map<Type, Skip>, state: { hasItems: boolean }): Skip {
  const before = known.get(type);
  if (before) return before;
  let made: Skip = () => undefined;
  known.set(type, (reader, depth) => {
    if (depth > depthMax) throw new OutOfBoundsError();
    made(reader, depth + 1);
  });
  made = make(type, (inner) => skipOf(inner, known, state), state);
  return made;
}

const longSkip: Skip = (reader) => void reader.long();
const lengthSkip: Skip = (reader) => reader.skip(reader.long());
const fixedSkip =
  (length: number): Skip =>
  (reader) =>
    reader.skip(length);

interface Making {
  readonly of: (type: Type) => Skip;
  readonly state: { hasItems: boolean };
}

/** By the first part of avsc's name of the type, as in `union:unwrapped`. */
const makers: Readonly<Record<string, (type: Described, making: Making) => Skip>> = {
  null: () => () => undefined,
  boolean: () => fixedSkip(1),
  int: () => longSkip,
  long: () => longSkip,
  float: () => fixedSkip(4),
  double: () => fixedSkip(8),
  bytes: () => lengthSkip,
  string: () => lengthSkip,
  enum: () => longSkip,
  fixed: ({ size = 0 }) => fixedSkip(size),
  logical: ({ underlyingType }, { of }) => (underlyingType ? of(underlyingType) : longSkip),
  union: ({ types = [] }, { of }) => union(types.map(of)),
  array: ({ itemsType }, { of, state }) => blocks(itemsType ? of(itemsType) : longSkip, state),
  map: ({ valuesType }, { of, state }) => {
    const value = valuesType ? of(valuesType) : longSkip;
    return blocks((reader, depth) => {
      lengthSkip(reader, depth);
      value(reader, depth);
    }, state);
  },
  record: ({ fields = [] }, { of }) => {
    const skips = fields.map(({ type }) => of(type));
    return (reader, depth) => {
      for (const skip of skips) skip(reader, depth);
    };
  },
};

function make(type: Described, of: Making['of'], state: Making['state']): Skip {
  const maker = makers[type.typeName.replace(/:.*$/, '')];
  if (!maker) throw new Error(`Avro's ${type.typeName} is not known here.`);
  return maker(type, { of, state });
}

function union(branches: readonly Skip[]): Skip {
  return (reader, depth) => {
    const branch = branches[reader.long()];
    if (!branch) throw new OutOfBoundsError();
    branch(reader, depth);
  };
}

function blocks(item: Skip, state: { hasItems: boolean }): Skip {
  state.hasItems = true;
  return (reader, depth) => {
    for (let count = reader.block(); count > 0; count = reader.block()) {
      for (let left = count; left > 0; left -= 1) item(reader, depth);
    }
  };
}
