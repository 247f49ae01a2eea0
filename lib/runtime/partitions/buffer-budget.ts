/** The bytes that all partitions of the process buffer together, and which of them must pause at the limit. */
export class BufferBudget {
  #usedBytes = 0;
  #holders = 0;
  readonly #limitBytes: number;
  readonly #onRoom: () => void;
  #exceeded = false;

  /** @param onRoom called when the use falls to half of a limit that had been reached. */
  constructor(limitBytes: number, onRoom: () => void) {
    this.#limitBytes = limitBytes;
    this.#onRoom = onRoom;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  join(): void {
    this.#holders += 1;
  }

  leave(heldBytes: number): void {
    this.#holders -= 1;
    this.give(heldBytes);
  }

  take(bytes: number): void {
    this.#usedBytes += bytes;
    if (this.#usedBytes >= this.#limitBytes) this.#exceeded = true;
  }

  give(bytes: number): void {
    this.#usedBytes -= bytes;
    if (!this.#exceeded || this.#usedBytes > this.#limitBytes / 2) return;
    this.#exceeded = false;
    this.#onRoom();
  }

  /** Only a partition above its fair share pauses: one stuck partition must not starve the others. */
  mustWait(heldBytes: number): boolean {
    return this.#exceeded && heldBytes > this.#limitBytes / Math.max(1, this.#holders);
  }
}
