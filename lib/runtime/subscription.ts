/** What a process says about a topic that it reads; the runtime does the rest (docs/architecture.md). */
import type { RecordHeaders } from '../kafka/header-text';
import type { FailurePolicy } from './failure-policy';
import type { Outcome } from './outcome';

/** Decoded when they are asked for. */
export interface RecordWithHeaders {
  readonly headerTexts: RecordHeaders;
}

export interface ConsumedRecord<V> {
  readonly topic: string;
  readonly partition: number;
  /** Safe as a number: an offset above 2^53 is refused at intake. */
  readonly offset: number;
  /** As UTF-8 text; records of one key reach `handle` in order. */
  readonly key: string | null;
  readonly value: V;
  readonly headers: RecordHeaders;
  readonly timestampMs: number;
  /** Bytes of key, value and headers as they were read. */
  readonly sizeBytes: number;
  /** 1 the first time `handle` gets it in this assignment, then one more for each retry in place. */
  readonly attempt: number;
  /** An earlier holder of the partition may have handled it: it lay within reach of the committed offset when we were assigned. */
  readonly maybeRepeated: boolean;
}

/** Whether an effect may begin: false while nothing proves that the process is still a member of its group. */
export type MayBegin = () => boolean;

/** Called once a partition; a partition that is lost and comes back is assigned anew. */
export interface PartitionHooks {
  /** The partition is ours and will be read; its log ended at `highWatermark` at that moment. */
  onAssigned?(partition: number, at: { readonly highWatermark: number }): void;
  /** Every record below that watermark has been handled (at once when there was none). */
  onCaughtUp?(partition: number): void;
  /**
   * The group is about to rebalance, or the process to stop: finish what runs for this partition and
   * begin nothing new. Awaited, but no longer than `drainMs`. Followed by `onKept` or `onLost`.
   */
  onDraining?(partition: number): Promise<void>;
  /** The partition is still ours after the rebalance: go on. */
  onKept?(partition: number): void;
  /** The partition is not ours any more. */
  onLost?(partition: number): void;
}

export interface Subscription<V> extends PartitionHooks {
  /** Full name, namespace included. */
  readonly topic: string;
  /**
   * `committed`: from the group's committed offset, the log's start when there is none.
   * `beginning`: state; the whole log is read at every assignment and nothing is committed.
   */
  readonly start: 'committed' | 'beginning';
  /** `every-member`: each member of the group reads all partitions. Only with `beginning`. Default `one-member`. */
  readonly readers?: 'one-member' | 'every-member';
  /**
   * `value` is a view of a whole response: what is made of it holds copies, not parts of it.
   * @throws UndecodableRecordError when the bytes can never be read: the lane stops.
   * Any other error (a registry that is away) is retried in place.
   */
  decode(value: Buffer | null, record: RecordWithHeaders): V | Promise<V>;
  /** A micro-batch holds at most this many records... */
  readonly maxRecords: number;
  /** ...and records of at most this total weight, but always one. Needs `weigh`. */
  readonly maxWeight?: number;
  weigh?(value: V): number;
  /** How long a lane waits for a micro-batch to fill. Default 0: it takes what is there. */
  readonly lingerMs?: number;
  /** Lanes a partition: how many micro-batches of one partition may run side by side. Default 8. */
  readonly lanes?: number;
  /** What it depends on, whose fault an error is, and where records go that fail. Default: in place for ever. */
  readonly failures?: FailurePolicy;
  /** Set by the runtime for the subscriptions of retry topics. */
  readonly retry?: { readonly level: number; readonly delayMs: number };
  /**
   * `adaptive`: how many micro-batches run at once follows how long `handle` takes, between 1 and the setting
   * `concurrency`, for all subscriptions of the consumer. Not for a `handle` that waits for something else
   * than its stores. Default `fixed`.
   */
  readonly concurrency?: 'fixed' | 'adaptive';
  /** Whether the error says that a store has too much to do. Only with `adaptive`. */
  isOverload?(error: Error): boolean;
  /**
   * One outcome a record, in their order. A throw is a retry of all of them.
   * `signal` aborts when the partition was lost or the time to stop is up: what is returned after that
   * is dropped, and the records go to the next holder. `mayBegin` is asked immediately before each effect;
   * what has begun is finished.
   */
  handle(
    records: readonly ConsumedRecord<V>[],
    signal: AbortSignal,
    mayBegin: MayBegin,
  ): Promise<readonly Outcome[]>;
}

/** Subscriptions of different values in one list; methods make this safe to assign to. */
export type AnySubscription = Subscription<unknown>;
