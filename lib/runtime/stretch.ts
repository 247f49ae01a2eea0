/** A stretch of a topic's log that is handled once more: what a replay reads in place of the whole topic. */
import type { OffsetRange } from '../kafka/commit-map';
import type { ConsumerOptions, ConsumerState } from './consumer';

/** A consumer that reads a stretch, as the replay sees it. */
export interface StretchConsumer {
  state(): ConsumerState;
  /** Nothing of the stretch begins while it is held; flags of operators hold beside that. */
  hold(isHeld: boolean): void;
}

/**
 * The consumer reads these offsets, and topics of state; it reads no retry topic. Each record comes with the header
 * `replay`. What is done is committed in the consumer's own group, which goes on where it was.
 */
export interface Stretch {
  /** Written into the header of each record. */
  readonly name: string;
  /** Full name, namespace included. */
  readonly topic: string;
  /** By partition; of a partition that is not named nothing is read. */
  readonly ranges: ReadonlyMap<number, OffsetRange>;
  /** Only records of this key; undefined: all. */
  readonly key?: string | undefined;
  /** Full name of the group whose retry topics and dead letters get what fails: they name it as their group. */
  readonly liveGroup: string;
  /** Records that may begin in a second. */
  readonly recordsPerSecond: number;
  /** Called once, before the group is joined. */
  begin(consumer: StretchConsumer): void;
}

export interface StretchConsumerOptions extends ConsumerOptions {
  /** A replay: read this, and nothing else but topics of state. */
  readonly stretch?: Stretch | undefined;
}
