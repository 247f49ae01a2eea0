/**
 * Counts failed records in a row. When nothing succeeds between them, the fault lies in this process, its configuration
 * or its schema rather than in the records: then they stay where they are until an operator looks.
 */
export class FailureRun {
  readonly #max: number;
  #length = 0;

  /** @param max failed records in a row, over all partitions of the process. */
  constructor(max: number) {
    this.#max = max;
  }

  /** No more failed records may be sent before one succeeds. */
  get isOver(): boolean {
    return this.#length >= this.#max;
  }

  failed(records: number): void {
    this.#length += records;
  }

  succeeded(): void {
    this.#length = 0;
  }
}
