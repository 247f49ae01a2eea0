/**
 * Partitions that were given away while micro-batches of theirs still run: each keeps its slot until it ends.
 *
 * What such a micro-batch returns counts no more, but one that hangs takes a slot from all others, for ever. So
 * each is the progress watch's until it has ended, well or not.
 */
import type { AssignedPartition } from './partition';

export class Leftovers {
  readonly #partitions = new Set<AssignedPartition>();

  /** @param partition that has ended. */
  add(partition: AssignedPartition): void {
    if (partition.runner.startedAtMs.size === 0) return;
    this.#partitions.add(partition);
    void partition.runner.idle().then(() => this.#partitions.delete(partition));
  }

  [Symbol.iterator](): Iterator<AssignedPartition> {
    return this.#partitions.values();
  }
}
