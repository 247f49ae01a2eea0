/** Bounds the bytes that are held at once: a caller that wants more than is left waits, first come, first served. */

export class ByteBudget {
  readonly #total: number;
  #left: number;
  readonly #waiting: { readonly bytes: number; readonly grant: () => void }[] = [];

  constructor(totalBytes: number) {
    this.#total = totalBytes;
    this.#left = totalBytes;
  }

  /** Runs `work` while it holds the bytes; more than the whole budget counts as the whole budget. */
  async hold<T>(bytes: number, work: () => Promise<T>): Promise<T> {
    const taken = Math.min(bytes, this.#total);
    await this.#take(taken);
    try {
      return await work();
    } finally {
      this.#left += taken;
      this.#grant();
    }
  }

  #take(bytes: number): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push({ bytes, grant: resolve });
      this.#grant();
    });
  }

  #grant(): void {
    for (
      let first = this.#waiting[0];
      first && first.bytes <= this.#left;
      first = this.#waiting[0]
    ) {
      this.#waiting.shift();
      this.#left -= first.bytes;
      first.grant();
    }
  }
}
