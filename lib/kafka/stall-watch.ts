/**
 * For how long work has been waiting while nothing was finished.
 *
 * A heartbeat proves that a process is alive, not that it works: kafkajs beats while every handler hangs.
 * So the partitions are looked at, every second or so. What waits for a dependency, an operator, a person
 * or its time is no stall: that has names of its own. A rebalance begins the count anew.
 */
import type { PartitionState } from './consumer';

/** @returns a partition with a micro-batch that began before then and still runs. */
export function findOverdue<P extends { readonly runner: Running }>(
  partitions: Iterable<P>,
  beforeMs: number,
): P | undefined {
  return [...partitions].find(({ runner }) =>
    [...runner.startedAtMs.values()].some((startedAtMs) => startedAtMs <= beforeMs),
  );
}

interface Running {
  readonly startedAtMs: ReadonlyMap<unknown, number>;
}

interface Seen {
  readonly doneBelow: number;
  readonly bufferedRecords: number;
}

export class StallWatch {
  #seen: ReadonlyMap<string, Seen> = new Map();
  #sinceMs = 0;

  /** @returns milliseconds, as of this look. */
  look(partitions: readonly PartitionState[], nowMs: number): number {
    const seen = new Map(partitions.map((one) => [`${one.topic}/${one.partition}`, of(one)]));
    if (!partitions.some(hasWork) || this.#hasMoved(seen)) this.#sinceMs = nowMs;
    this.#seen = seen;
    return nowMs - this.#sinceMs;
  }

  /** Records that only come in raise what is buffered; finished ones lower it, or move the prefix. */
  #hasMoved(now: ReadonlyMap<string, Seen>): boolean {
    if (now.size !== this.#seen.size) return true;
    return [...now].some(([key, { doneBelow, bufferedRecords }]) => {
      const before = this.#seen.get(key);
      if (!before) return true;
      return doneBelow !== before.doneBelow || bufferedRecords < before.bufferedRecords;
    });
  }
}

const of = ({ doneBelow, bufferedRecords }: PartitionState): Seen => ({
  doneBelow: doneBelow ?? -1,
  bufferedRecords,
});

/** A partition that is paused with nothing buffered is kept from being fetched on purpose. */
const hasWork = (partition: PartitionState): boolean =>
  partition.doneBelow !== null &&
  partition.doneBelow < (partition.highWatermark ?? 0) &&
  (partition.bufferedRecords > 0 || !partition.paused) &&
  partition.halts.length === 0 &&
  partition.retryingLanes === 0 &&
  partition.held === null;
