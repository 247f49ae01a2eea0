/** Where reading a partition begins, by the group's offset and the log. */
import type { OffsetRange } from '../../kafka/commit-map';

export interface StartingPoint {
  readonly offset: number;
  /** Offsets beyond it that an earlier holder has finished. */
  readonly done: readonly OffsetRange[];
  /** The group's offset as read, -1 for none. */
  readonly committed: number;
  readonly highWatermark: number;
}
