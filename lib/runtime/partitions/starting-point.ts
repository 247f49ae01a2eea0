/** Where the reading of a partition begins, as the group and the log say. */
import type { OffsetRange } from '../../kafka/commit-map';

export interface StartingPoint {
  readonly offset: number;
  /** Offsets beyond it that an earlier holder has finished. */
  readonly done: readonly OffsetRange[];
  /** The group's offset as it was read, -1 for none. */
  readonly committed: number;
  readonly highWatermark: number;
}
