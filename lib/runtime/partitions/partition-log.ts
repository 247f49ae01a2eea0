/** What is known of a partition's log beyond the records that were taken from it. */
import type { Position, Tail } from '../../kafka/client-port';
import { decodeCommitMap } from '../../kafka/commit-map';
import type { StartingPoint } from './offset-tracker';
import { BacklogAge } from './backlog-age';

export class PartitionLog {
  highWatermark: number | null = null;
  /** End of the readable log at the last read; null before. */
  logEnd: number | null = null;
  /** By the group's own offset and commit map, at the last read; null while unknown. */
  workLeft: number | null = null;
  #begin = 0;
  #unfetched = new BacklogAge(0, 0);

  /** @param commits whether the group commits offsets of it. */
  constructor(private readonly commits: boolean) {}

  /** The position is known. */
  begin(from: Pick<StartingPoint, 'offset' | 'highWatermark'>, nowMs: number): void {
    this.highWatermark = from.highWatermark;
    this.#begin = from.offset;
    this.#unfetched = new BacklogAge(from.highWatermark, nowMs);
  }

  took(taken: number, highWatermark: number, nowMs: number): void {
    this.highWatermark = highWatermark;
    this.#unfetched.took(taken, highWatermark, nowMs);
  }

  /** @param taken the position of intake at that moment. */
  looked(
    tail: Pick<Tail, 'committed' | 'metadata' | 'logEnd'>,
    taken: number,
    nowMs: number,
  ): void {
    const { logEnd } = tail;
    this.logEnd = logEnd;
    if (logEnd === null) return;
    this.highWatermark = Math.max(this.highWatermark ?? 0, logEnd);
    this.#unfetched.looked(taken, logEnd, nowMs);
    if (this.commits) this.workLeft = workLeft({ ...tail, logEnd }, this.#begin);
  }

  /** Since when it is known to hold records that were not fetched; null when all were. */
  unfetchedSinceMs(taken: number): number | null {
    return this.#unfetched.sinceMs(taken);
  }
}

/** @param begin where the group begins if it has never committed. Offsets that hold no record count, too. */
function workLeft(
  { committed, metadata, logEnd }: Pick<Position, 'committed' | 'metadata'> & { logEnd: number },
  begin: number,
): number {
  const ranges = decodeCommitMap(metadata, committed) ?? [];
  const doneBeyond = ranges.reduce((sum, { from, to }) => sum + to - from, 0);
  return Math.max(0, logEnd - (committed < 0 ? begin : committed) - doneBeyond);
}
