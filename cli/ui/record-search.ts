/** Which stretch of each partition a search reads, and which of the found records are shown. Pure. */
import type { PartitionEnds } from '../../lib/kafka/topics/admin';

export interface RecordsAsked {
  readonly topic: string;
  readonly partition?: number;
  readonly from: 'end' | 'start' | 'offset' | 'time';
  readonly offset?: number;
  readonly timeMs: number | null;
  /** Only records whose key holds this text. */
  readonly key?: string;
  readonly limit: number;
}

export interface Stretch {
  readonly partition: number;
  readonly from: number;
  readonly to: number;
}

/** Of all partitions together, while a key is looked for. */
export const searchedMax = 20_000;

/** @param atTime by partition: the first offset of that time or later. */
export function stretchesOf(
  asked: RecordsAsked,
  ends: readonly PartitionEnds[],
  atTime: ReadonlyMap<number, number>,
): Stretch[] {
  const chosen = ends.filter(
    ({ partition }) => asked.partition === undefined || partition === asked.partition,
  );
  const each = Math.max(1, Math.floor(searchedMax / Math.max(1, chosen.length)));
  // A transaction's end takes an offset, too: of Debezium's topics every second one may hold no record.
  const span = asked.key === undefined ? 2 * asked.limit + 10 : each;
  return chosen
    .map(({ partition, logStart, highWatermark }) => {
      const within = (offset: number): number =>
        Math.min(highWatermark, Math.max(logStart, offset));
      const begin = {
        end: highWatermark - span,
        start: logStart,
        offset: asked.offset ?? logStart,
        time: atTime.get(partition) ?? highWatermark,
      }[asked.from];
      const from = within(begin);
      return { partition, from, to: within(from + span) };
    })
    .filter(({ from, to }) => from < to);
}

interface Placed {
  readonly partition: number;
  readonly offset: number;
  readonly timestampMs: number;
}

/** The latest first when one looks from the end, else the earliest first. */
export function chosenOf<R extends Placed>(
  found: readonly R[],
  { from, limit }: Pick<RecordsAsked, 'from' | 'limit'>,
): R[] {
  const byTime = found.toSorted(
    (a, b) => a.timestampMs - b.timestampMs || a.partition - b.partition || a.offset - b.offset,
  );
  return from === 'end' ? byTime.reverse().slice(0, limit) : byTime.slice(0, limit);
}
