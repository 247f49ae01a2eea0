/** Which records of a topic a replay takes. Pure. */
import type { OffsetRange } from '../kafka/commit-map';

/** What is known of one partition of the topic. */
interface PartitionFacts {
  readonly partition: number;
  readonly logStart: number;
  readonly highWatermark: number;
  /** Of the live group; -1 when it has never committed. */
  readonly committed: number;
  /** Where the range is asked to begin and to end: an offset, or the first record written at that time or later. */
  readonly from: number;
  readonly to: number;
}

export interface PartitionPlan extends OffsetRange {
  readonly partition: number;
  /** Records of the range that the live group has not committed: they are its own work. */
  readonly leftToLive: number;
  /** Retention has taken the beginning of the range, or may have: the log begins inside or behind it. */
  readonly isCut: boolean;
}

/**
 * A replay handles once more what has been handled: a record that the live group has not committed is never taken, or
 * two groups would work on it at once.
 * @returns every given partition, also those of which nothing is taken.
 */
export function planRanges(facts: readonly PartitionFacts[]): PartitionPlan[] {
  return facts.map(({ partition, logStart, highWatermark, committed, from, to }) => {
    const begin = Math.max(from, logStart);
    const asked = Math.max(begin, Math.min(to, highWatermark));
    const end = Math.max(begin, Math.min(asked, committed));
    const isCut = logStart > 0 && from <= logStart && asked > begin;
    return { partition, from: begin, to: end, leftToLive: asked - end, isCut };
  });
}

/** Offsets, which may hold gaps: at most so many records. */
export const recordsIn = (ranges: Iterable<OffsetRange>): number => {
  let sum = 0;
  for (const { from, to } of ranges) sum += to - from;
  return sum;
};

/** The offsets to look at: spread evenly over all ranges. */
export function sampleOffsets(
  plans: readonly PartitionPlan[],
  count: number,
): { readonly partition: number; readonly offset: number }[] {
  const total = recordsIn(plans);
  const taken = Math.min(count, total);
  return Array.from({ length: taken }, (_, index) => {
    let left = Math.floor(((index + 0.5) * total) / taken);
    for (const { partition, from, to } of plans) {
      if (left < to - from) return { partition, offset: from + left };
      left -= to - from;
    }
    throw new RangeError('The ranges hold less than their sum.');
  });
}
