/** The interface of a partition for its lanes. */
import type { Logger } from '../../process/logger';
import type { TopicPartition } from '../../kafka/client-port';
import type { AnySubscription } from '../subscription';

export interface LaneHost {
  readonly at: TopicPartition;
  readonly subscription: AnySubscription;
  readonly logger: Logger;
  /** Aborts when running work has become pointless. */
  readonly signal: AbortSignal;
  /** Another member may already work on its records. */
  readonly isLost: boolean;
  readonly isOpen: boolean;
  /** Records from here on must wait. */
  readonly windowEnd: number;
  readonly repeatedBelow: number;
  finish(offset: number, sizeBytes: number): void;
  /** Something changed: other lanes, or fetching, may go on. */
  onProgress(): void;
}
