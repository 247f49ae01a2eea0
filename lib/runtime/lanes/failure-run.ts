/**
 * Counts letters in a row. When nothing succeeds between them it is not the records that are broken but
 * this process, its configuration or its schema: then records stay where they are, and a person looks.
 */
export class LetterRun {
  readonly #max: number;
  #length = 0;

  /** @param max letters in a row, over all partitions of the process. */
  constructor(max: number) {
    this.#max = max;
  }

  /** No more letters may be written before something succeeds. */
  get isOver(): boolean {
    return this.#length >= this.#max;
  }

  lettered(records: number): void {
    this.#length += records;
  }

  succeeded(): void {
    this.#length = 0;
  }
}
