/** Walks two streams that are sorted by key side by side, with one element of each in memory. */

/** A key that only one side has, or both. */
type Pair<L, R> =
  | { readonly left: L; readonly right: R }
  | { readonly left: L; readonly right: undefined }
  | { readonly left: undefined; readonly right: R };

interface Keyed {
  readonly key: string;
}

/** The order of UTF-8 bytes, which is that of S3's listing and of PostgreSQL's collation "C". */
export function compareKeys(a: string, b: string): number {
  if (a === b) return 0;
  // Only above U+D7FF do UTF-16 units sort otherwise than bytes.
  if (/[\ud800-\uffff]/.test(a) || /[\ud800-\uffff]/.test(b)) {
    return Buffer.compare(Buffer.from(a), Buffer.from(b));
  }
  return a < b ? -1 : 1;
}

/**
 * Both sides may repeat a key: each left one is paired with the right one of its key, if there is one.
 * @throws Error when a side is not in order: otherwise everything behind that place would look missing.
 */
export async function* mergeByKey<L extends Keyed, R extends Keyed>(
  lefts: AsyncIterable<L>,
  rights: AsyncIterable<R>,
): AsyncGenerator<Pair<L, R>, void, undefined> {
  const leftSide = inOrder(lefts, 'rows');
  const rightSide = inOrder(rights, 'objects');
  try {
    let right = await rightSide.next();
    let wasPaired = false;
    for await (const left of leftSide) {
      while (right.done !== true && compareKeys(right.value.key, left.key) < 0) {
        if (!wasPaired) yield { left: undefined, right: right.value };
        wasPaired = false;
        right = await rightSide.next();
      }
      if (right.done !== true && right.value.key === left.key) {
        wasPaired = true;
        yield { left, right: right.value };
      } else yield { left, right: undefined };
    }
    for (; right.done !== true; right = await rightSide.next()) {
      if (!wasPaired) yield { left: undefined, right: right.value };
      wasPaired = false;
    }
  } finally {
    await rightSide.return();
  }
}

async function* inOrder<T extends Keyed>(
  source: AsyncIterable<T>,
  name: string,
): AsyncGenerator<T, void, undefined> {
  let last: string | undefined;
  for await (const one of source) {
    if (last !== undefined && compareKeys(last, one.key) > 0) {
      throw new Error(`The ${name} do not come in the order of their keys' bytes.`);
    }
    last = one.key;
    yield one;
  }
}
