/** Collects the bytes of one request: a short trace, or a long one part after part in the same memory. */

/** The most that one request holds. */
export const partBytes = 8 * 1024 * 1024;

export class Part {
  readonly #expectedBytes: number;
  /** The first bytes are not copied: most traces have no others. */
  #first: Buffer | undefined;
  #memory: Buffer | undefined;
  #length = 0;

  /** @param expectedBytes of all that will come; further bytes are accepted, at the cost of a copy. */
  constructor(expectedBytes: number) {
    this.#expectedBytes = expectedBytes;
  }

  /** @returns the bytes that did not fit; empty while there is room. */
  fill(bytes: Buffer): Buffer {
    const taken = bytes.subarray(0, partBytes - this.#length);
    const end = this.#length + taken.length;
    if (this.#length === 0 && !this.#memory) this.#first = taken;
    else taken.copy(this.#memoryFor(end), this.#length);
    this.#length = end;
    return bytes.subarray(taken.length);
  }

  /** Valid until the next `fill`. */
  get bytes(): Buffer {
    const all = this.#first ?? this.#memory ?? Buffer.alloc(0);
    return all.subarray(0, this.#length);
  }

  /** The memory is used again: the receiver must not need the bytes any more. */
  clear(): void {
    this.#first = undefined;
    this.#length = 0;
  }

  #memoryFor(length: number): Buffer {
    if (this.#memory && this.#memory.length >= length) return this.#memory;
    const wanted = Math.min(partBytes, Math.max(length, this.#expectedBytes));
    const memory = Buffer.allocUnsafeSlow(wanted);
    this.bytes.copy(memory);
    this.#first = undefined;
    this.#memory = memory;
    return memory;
  }
}
