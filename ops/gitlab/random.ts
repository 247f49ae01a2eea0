/** A small seeded random source, so that one seed always makes the same workload. */

export interface Random {
  /** A number in [0, 1). */
  fraction(): number;
  /** A whole number in [from, to], both included. */
  whole(from: number, to: number): number;
  /** One of the values; the list must not be empty. */
  oneOf<T>(values: readonly T[]): T;
  /** `length` lower-case hexadecimal digits. */
  hex(length: number): string;
  /** Shuffles in place, every order equally likely. */
  shuffle<T extends { length: number; [index: number]: unknown }>(values: T): T;
}

/** sfc32 over a 32-bit seed: fast, and with a long period. Not for secrets. */
export function createRandom(seed: number): Random {
  let a = seed >>> 0;
  let b = 0x9e3779b9;
  let c = 0x243f6a88;
  let counter = 1;
  const next = (): number => {
    const sum = (a + b + counter) >>> 0;
    counter = (counter + 1) >>> 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) >>> 0;
    c = ((c << 21) | (c >>> 11)) >>> 0;
    c = (c + sum) >>> 0;
    return sum;
  };
  for (let warmUp = 0; warmUp < 15; warmUp += 1) next();

  const fraction = (): number => next() / 2 ** 32;
  const whole = (from: number, to: number): number =>
    from + Math.floor(fraction() * (to - from + 1));
  const oneOf = <T>(values: readonly T[]): T => {
    if (values.length === 0) throw new RangeError('oneOf needs at least one value');
    return values[whole(0, values.length - 1)] as T;
  };
  const hex = (length: number): string => {
    let digits = '';
    while (digits.length < length) digits += next().toString(16).padStart(8, '0');
    return digits.slice(0, length);
  };
  const shuffle = <T extends { length: number; [index: number]: unknown }>(values: T): T => {
    for (let last = values.length - 1; last > 0; last -= 1) {
      const other = whole(0, last);
      const kept = values[last];
      values[last] = values[other];
      values[other] = kept;
    }
    return values;
  };
  return { fraction, whole, oneOf, hex, shuffle };
}
