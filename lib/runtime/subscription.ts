/** What a process declares about a topic that it reads; the runtime does the rest (docs/architecture.md). */
import type { RecordHeaders } from '../kafka/header-text';
import type { FailurePolicy } from './failure-policy';
import type { Outcome } from './outcome';

/** Decoded on demand. */
interface RecordWithHeaders {
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
  /** 1 the first time `handle` gets it in this assignment, and one more for each retry in place. */
  readonly attempt: number;
  /**
   * An earlier holder of the partition may have handled it: it lay within reach of the committed offset at the
   * assignment.
   */
  readonly maybeRepeated: boolean;
}

/** Whether an effect may begin: false while nothing proves that the process is still a member of its group. */
export type MayBegin = () => boolean;

/** Called once a partition; a partition that is lost and comes back is assigned anew. */
interface PartitionHooks {
  /** The partition is assigned and will be read; its log ended at `highWatermark` at that moment. */
  onAssigned?(partition: number, at: { readonly highWatermark: number }): void;
  /** Every record below that watermark has been handled (at once when there was none). */
  onCaughtUp?(partition: number): void;
  /**
   * The group is about to rebalance, or the process to stop: finish running work of this partition and begin nothing
   * new. Awaited, but no longer than `drainMs`. Followed by `onKept` or `onLost`.
   */
  onDraining?(partition: number): Promise<void>;
  /** The partition is still ours after the rebalance: go on. */
  onKept?(partition: number): void;
  /** The partition is lost. */
  onLost?(partition: number): void;
}

export interface Subscription<V> extends PartitionHooks {
  /** Full name, namespace included. */
  readonly topic: string;
  /**
   * `committed`: from the group's committed offset, or the log's start when there is none. `beginning`: state; the
   * whole log is read at every assignment and nothing is committed.
   */
  readonly start: 'committed' | 'beginning';
  /** `every-member`: each member of the group reads all partitions. Only with `beginning`. Default `one-member`. */
  readonly readers?: 'one-member' | 'every-member';
  /**
   * `value` is a view of a whole response: the result must hold copies, not parts of it.
   * @throws UndecodableRecordError when the bytes cannot be read. Its `poison` and the failure policy decide whether the
   * record becomes a dead letter or its lane stops. After any other error (an unavailable registry) the record stays.
   */
  decode(value: Buffer | null, record: RecordWithHeaders): V | Promise<V>;
  /** A micro-batch holds at most this many records... */
  readonly maxRecords: number;
  /** ...and records of at most this total weight, but always one. Needs `weigh`. */
  readonly maxWeight?: number;
  weigh?(value: V): number;
  /** How long a lane waits for a micro-batch to fill. Default 0: it takes the records that it has. */
  readonly lingerMs?: number;
  /** Lanes for each partition: how many of its micro-batches may run side by side. Default 8. */
  readonly lanes?: number;
  /** Its dependencies, how errors are classified, and where failed records go. Default: `noFailurePolicy`. */
  readonly failures?: FailurePolicy;
  /** Set by the runtime for the subscriptions of retry topics. */
  readonly retry?: { readonly level: number; readonly delayMs: number };
  /**
   * `adaptive`: how many micro-batches run at once follows how long `handle` takes, between 1 and the setting
   * `concurrency`, for all subscriptions of the consumer. Not for a `handle` that waits for anything but its stores.
   * Default `fixed`.
   */
  readonly concurrency?: 'fixed' | 'adaptive';
  /** Whether the error says that a store is overloaded. Only with `adaptive`. */
  isOverload?(error: Error): boolean;
  /**
   * One outcome for each record, in their order. If it throws, all of them are retried. `signal` aborts when the
   * partition was lost or the time to stop is up: a later result is dropped, and the records go to the next holder. The
   * handler calls `mayBegin` immediately before each effect, and finishes what it has begun.
   */
  handle(
    records: readonly ConsumedRecord<V>[],
    signal: AbortSignal,
    mayBegin: MayBegin,
  ): Promise<readonly Outcome[]>;
}

/** Subscriptions of different value types in one list; methods make that assignment type-safe. */
export type AnySubscription = Subscription<unknown>;

/** @returns the subscription itself and one for each of its retry topics. */
export function withRetryTopics(subscription: AnySubscription): AnySubscription[] {
  const retryTopics = subscription.failures?.retryTopics ?? [];
  return [
    subscription,
    ...retryTopics.map(({ topic, delayMs }, level): AnySubscription => {
      const own: Record<string, unknown> = { ...subscription, topic, retry: { level, delayMs } };
      // Their callbacks are about the partitions of the topic itself.
      for (const hook of hooks) Reflect.deleteProperty(own, hook);
      return own as unknown as AnySubscription;
    }),
  ];
}

const hooks = ['onAssigned', 'onCaughtUp', 'onDraining', 'onKept', 'onLost'];
