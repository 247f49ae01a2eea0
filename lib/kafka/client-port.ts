/**
 * The port to a Kafka client: the calls that the runtime makes, and the callbacks that it gets.
 *
 * Another client can replace kafkajs when it passes test/conformance/kafka-client-port.test.ts.
 */
import type { FetchedRecord } from './fetched-record';

export interface TopicPartition {
  readonly topic: string;
  readonly partition: number;
}

export interface FetchedBatch extends TopicPartition {
  /**
   * The offset that the fetch asked for: above the end of what we took, the client has moved its position by itself.
   */
  readonly fetchedOffset: number;
  /** Views of a response: the receiver copies records that have to wait (`FetchedRecord.keep`). */
  readonly records: readonly FetchedRecord[];
  /** Everything up to here was read, markers and compacted offsets included. */
  readonly lastOffset: number;
  readonly highWatermark: number;
}

export interface CommitEntry extends TopicPartition {
  readonly offset: number;
  /** At most 4,095 characters; a commit without it would erase the stored map. */
  readonly metadata: string;
}

export interface Position extends TopicPartition {
  /** -1 when the group has never committed. */
  readonly committed: number;
  readonly metadata: string;
  readonly logStart: number;
  readonly highWatermark: number;
}

/** How much is left in a partition, by its log and the group's offset. */
export interface Tail extends TopicPartition {
  /** -1 when the group has never committed. */
  readonly committed: number;
  readonly metadata: string;
  /** End of the readable log; null when the partition's leader does not answer. */
  readonly logEnd: number | null;
}

export interface Assignment {
  /** Grows with every join; work that began in an older epoch must not be committed in a newer one. */
  readonly epoch: number;
  /** Changes when the group has expelled us: other members may have held our partitions meanwhile. */
  readonly memberId: string;
  readonly partitions: readonly TopicPartition[];
}

export interface ClientListener {
  /** Called synchronously at each join, before anything of the new assignment is fetched. */
  onJoined(assignment: Assignment): void;
  /** Called before a rejoin, while the old assignment still may commit; the client keeps the membership meanwhile. */
  onBeforeRejoin(): Promise<void>;
  /** Effects may begin again: membership is proved, for the first time or after a gap. */
  onProved(): void;
  /** Membership ended and no rejoin is under way (a crash that restarts): nothing can be committed. */
  onLeft(): void;
  /**
   * The receiver calls `accept` at once when it takes the batch; when it does not, the records come again. It may then
   * delay the client for a moment, until there is room.
   */
  onBatch(batch: FetchedBatch, accept: () => void): Promise<void>;
  /** A batch held no record to deliver, and the client's position has moved behind it. */
  onFiltered(at: TopicPartition & { firstOffset: number | null; lastOffset: number }): void;
  /** The client has stopped for good, or should. */
  onFatal(error: Error): void;
}

/** A commit that the group refused because it has moved on: no more commits before the next join. */
export class StaleCommitError extends Error {
  override readonly name = 'StaleCommitError';
}

/** What a client knows of its membership: milliseconds since the epoch, null for what is not so. */
export interface MembershipTimes {
  /** Since when it has been a member without a break. */
  readonly memberSinceMs: number | null;
  /** Since when it has been joining, the drain before it included. */
  readonly joiningSinceMs: number | null;
  /** When the heartbeat or join was sent that the group has answered last. */
  readonly lastProofSentAtMs: number | null;
}

export interface ConsumerClient {
  readonly membership: MembershipTimes;
  /**
   * Whether an effect may begin: the last proof of membership was sent less than two thirds of the session
   * timeout ago, by the monotonic clock. Costs a comparison; asked immediately before each statement or request.
   */
  mayBegin(): boolean;
  /** When the group last answered a join or a heartbeat. A client that silently retries does not report that. */
  readonly heardAtMs: number;
  /** Resolves after the first join. */
  start(listener: ClientListener): Promise<void>;
  /** These three do nothing while there is no membership: `onJoined` sets everything again. */
  pause(at: TopicPartition): void;
  resume(at: TopicPartition): void;
  seek(at: TopicPartition, offset: number): void;
  /** Reads the group's committed offsets and the logs' ends; safe while records are handled. */
  positions(of: readonly TopicPartition[]): Promise<readonly Position[]>;
  /**
   * The cheaper read, for every few seconds. Asked for no partitions, it still proves that the group's coordinator
   * answers.
   */
  tails(of: readonly TopicPartition[]): Promise<readonly Tail[]>;
  /**
   * One attempt. @returns false when the client cannot commit yet and should be called again.
   * @throws StaleCommitError when the epoch is over, before or after asking the group; any other error may be retried.
   */
  commit(epoch: number, entries: readonly CommitEntry[]): Promise<boolean>;
  /** Leaves the group and disconnects. */
  stop(): Promise<void>;
}

/** How a client keeps its membership and fetches; times in milliseconds, sizes in bytes. */
export interface ClientSettings {
  readonly sessionTimeoutMs: number;
  readonly rebalanceTimeoutMs: number;
  readonly heartbeatEveryMs: number;
  readonly fetchWaitMs: number;
  /** The most that is asked of a partition, in bytes as sent; less when that would exceed `fetchMemoryBytes`. */
  readonly fetchBytesPerPartition: number;
  /** What one answer should bring of a partition, in bytes of memory. */
  readonly fetchMemoryBytes: number;
  /** Of one answer, over all partitions of a broker. The first partition changes from fetch to fetch (KIP-74). */
  readonly fetchBytes: number;
  /** A topic that is gone for longer counts as deleted; a broker that starts may not know a topic for a moment. */
  readonly topicGoneMs: number;
}

/** A topic was deleted while its group reads it. kafkajs would retry silently for a day. */
export class TopicGoneError extends Error {
  override readonly name = 'TopicGoneError';

  constructor(topics: readonly { readonly topic: string }[], cause: Error) {
    super(
      `A topic was deleted while its group was reading: one of ${topics.map(({ topic }) => topic).join(', ')}. ` +
        'Create it anew (afterbuild topics apply); a full sweep names again what its records named.',
      { cause },
    );
  }
}
