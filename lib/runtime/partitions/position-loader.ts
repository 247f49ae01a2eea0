/**
 * Finds the position to start from: reads the group's offsets and the logs' ends for partitions that are paused.
 *
 * In doubt it halts the partition: when a committed offset lies outside the log (truncated, or a topic created anew),
 * or when there is none and the log has lost its start.
 */
import type { Position, TopicPartition } from '../../kafka/client-port';
import { decodeCommitMap } from '../../kafka/commit-map';
import { asError } from '../../process/is-error';
import type { AssignedPartition } from './partition';

import type { StartingPoint } from './offset-tracker';
import type { ConsumerContext } from './context';
import { retryDelayMs } from '../../process/backoff';

export class PositionLoader {
  readonly #context: ConsumerContext;

  constructor(context: ConsumerContext) {
    this.#context = context;
  }

  /**
   * Tries until Kafka answers or `isCurrent` returns false, because the assignment is over.
   * @returns positions by partition, in the given order; null when the assignment was over first.
   */
  async read(
    of: readonly TopicPartition[],
    isCurrent: () => boolean,
    signal: AbortSignal,
  ): Promise<readonly Position[] | null> {
    for (let failures = 1; isCurrent(); failures += 1) {
      try {
        const positions = await this.#context.client.positions(of);
        return isCurrent() ? positions : null;
      } catch (error) {
        const log = failures === 1 ? 'warn' : 'debug';
        this.#context.logger[log](
          { event: 'positions.failing', err: asError(error) },
          'committed offsets cannot be read: partitions stay paused and it is tried again',
        );
      }
      const delayMs = retryDelayMs(failures, this.#context.settings, this.#context.random);
      await this.#context.clock.sleep(delayMs, signal).catch(() => undefined);
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
    if (committed < 0) {
      if (highWatermark > logStart) {
        partition.logger.info(
          { event: 'partition.from-start', records: highWatermark - logStart },
          'the group has no committed offset: beginning at the start of the log',
        );
      }
      return { offset: logStart, done: [], committed, highWatermark };
    }
    const map = decodeCommitMap(metadata, committed);
    if (!map && metadata !== '') {
      partition.logger.warn(
        { event: 'partition.map-unknown' },
        "the commit's metadata is not a progress map of ours: records beyond the offset may be repeated",
      );
    }
    // A map beyond the log's end cannot be true.
    const done = (map ?? []).filter((range) => range.to <= highWatermark);
    return { offset: committed, done, committed, highWatermark };
  }
}

/** @returns the error to halt with, or null when the log still holds everything that the group has not read. */
function outsideLog(position: Position): Error | null {
  const { committed, logStart, highWatermark } = position;
  if (committed > highWatermark) {
    return new OutsideLogError(
      position,
      `the group's committed offset ${committed} lies beyond its end: the log was truncated, or the topic ` +
        'was deleted and made anew, and what it holds now may never have been read',
    );
  }
  if (committed >= logStart) return null;
  if (committed >= 0) {
    return new OutsideLogError(
      position,
      `the group's committed offset ${committed} lies before its start: records were removed (retention, or ` +
        'by hand) before they were read',
    );
  }
  // A log that is whole can be read from its start: finished work is repeated, which is harmless.
  if (logStart === 0) return null;
  return new OutsideLogError(
    position,
    'the group has no committed offset, and the log does not begin at 0 any more: the group is new to it, or ' +
      'its offsets have expired (offsets.retention.minutes, a week after the last member has left), and ' +
      'records may have been removed before they were read',
  );
}

/**
 * Nothing is read or committed: any position that a client would choose by itself silently loses or repeats records.
 */
class OutsideLogError extends Error {
  override readonly name = 'OutsideLogError';

  constructor({ topic, partition, logStart, highWatermark }: Position, what: string) {
    super(
      `The group cannot go on in ${topic} partition ${partition} (${logStart} to ${highWatermark}): ${what}. ` +
        "Find out which, then set the group's offset by hand (docs/failure-modes.md, A group stands at a record).",
    );
  }
}
