/**
 * Partitions that were lost while micro-batches of theirs still run: each micro-batch keeps its slot until it ends.
 *
 * The result of such a micro-batch is ignored, but one that hangs takes a slot from all others, for ever. So the
 * progress watch looks at each until it has ended, with or without success.
 */
import type { AssignedPartition } from './partition';

export class Leftovers {
  readonly #partitions = new Set<AssignedPartition>();

  /** @param partition the lost partition. */
  add(partition: AssignedPartition): void {
    if (partition.runner.startedAtMs.size === 0) return;
    this.#partitions.add(partition);
    void partition.runner.idle().then(() => this.#partitions.delete(partition));
  }

  [Symbol.iterator](): Iterator<AssignedPartition> {
    return this.#partitions.values();
  }
}
