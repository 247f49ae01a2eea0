/**
 * Finds out where to begin: reads the group's offsets and the logs' ends for partitions that are paused.
 *
 * Fails closed: a committed offset outside the log (truncated, expired, or the topic made anew) halts the
 * partition, because whatever a client would jump to instead loses or repeats records without a word.
 */
import type { Position, TopicPartition } from './client-port';
import { decodeCommitMap } from './commit-map';
import { asError } from './micro-batch';
import type { AssignedPartition } from './partition';

import type { StartingPoint } from './starting-point';
import type { Surroundings } from './surroundings';
import { retryDelayMs } from './retry-delay';

export class PositionLoader {
  readonly #around: Surroundings;

  constructor(around: Surroundings) {
    this.#around = around;
  }

  /**
   * Asks until it gets an answer or `isCurrent` says that the assignment is over.
   * @returns positions by partition, in the given order; null when the assignment was over first.
   */
  async read(
    of: readonly TopicPartition[],
    isCurrent: () => boolean,
    signal: AbortSignal,
  ): Promise<readonly Position[] | null> {
    for (let failures = 1; isCurrent(); failures += 1) {
      try {
        const positions = await this.#around.client.positions(of);
        return isCurrent() ? positions : null;
      } catch (error) {
        const log = failures === 1 ? 'warn' : 'debug';
        this.#around.logger[log](
          { event: 'positions.failing', err: asError(error) },
          'committed offsets cannot be read: partitions stay paused and it is tried again',
        );
      }
      const delayMs = retryDelayMs(failures, this.#around.settings, this.#around.random);
      await this.#around.clock.sleep(delayMs, signal).catch(() => undefined);
    }
    return null;
  }

  /** Opens a new partition at its position, or halts it. */
  open(partition: AssignedPartition, position: Position): void {
    const { highWatermark, logStart } = position;
    if (!partition.commits) {
      partition.open({ offset: logStart, done: [], committed: -1, highWatermark });
      return;
    }
    const outside = outsideLog(position);
    if (outside) partition.halt(outside);
    else partition.open(this.#startingPoint(partition, position));
  }

  #startingPoint(partition: AssignedPartition, position: Position): StartingPoint {
    const { committed, metadata, logStart, highWatermark } = position;
    if (committed < 0) return { offset: logStart, done: [], committed, highWatermark };
    const map = decodeCommitMap(metadata, committed);
    if (!map && metadata !== '') {
      partition.logger.warn(
        { event: 'partition.map-unknown' },
        "the commit's metadata is not a progress map of ours: records beyond the offset may be repeated",
      );
    }
    // Beyond the log's end a map cannot be true, whatever has happened.
    const done = (map ?? []).filter((range) => range.to <= highWatermark);
    return { offset: committed, done, committed, highWatermark };
  }
}

/** @returns the error to halt with, or null when the log still holds the committed offset. */
export function outsideLog(position: Position): Error | null {
  const { committed, logStart, highWatermark, topic, partition } = position;
  if (committed < 0 || (committed >= logStart && committed <= highWatermark)) return null;
  return new Error(
    `The group's committed offset ${committed} of ${topic} partition ${partition} is outside its log ` +
      `(${logStart} to ${highWatermark}): records were lost before they were read, or the topic was ` +
      `made anew. Nothing is read or committed; find out which, then set the group's offset by hand.`,
  );
}
