/** What a process sees of the consumer runtime: options, life cycle, state. */
import type { Kafka } from 'kafkajs';
import type { Clock } from '../process/clock';
import type { Logger } from '../process/logger';
import type { Dependency } from './dependency';
import type { MembershipTimes } from './client-port';
import type { BreakerView, Steering } from './gate';
import type { RuntimeObserver } from './observer';
import type { ConsumerSettings } from './settings';
import type { AnySubscription } from './subscription';

export interface ConsumerOptions {
  /** From `createKafka`. */
  readonly kafka: Kafka;
  /** Full name, namespace included. */
  readonly group: string;
  readonly subscriptions: readonly AnySubscription[];
  readonly settings?: Partial<ConsumerSettings>;
  readonly logger: Logger;
  readonly clock: Clock;
  /** Between 0 and 1, for jitter. */
  readonly random: () => number;
  /** Default: nobody counts. */
  readonly observer?: RuntimeObserver;
  /** The consumer cannot go on (crash without restart, hung handler): end the process with a code that is not 0. Called once. */
  onFatal(error: Error): void;
}

export interface PartitionState {
  readonly topic: string;
  readonly partition: number;
  /** Everything below is done; null until the partition has been loaded. */
  readonly doneBelow: number | null;
  readonly committed: number | null;
  readonly highWatermark: number | null;
  readonly bufferedRecords: number;
  readonly bufferedBytes: number;
  readonly paused: boolean;
  readonly retryingLanes: number;
  /** When the oldest unfinished record was written; while it is not fetched, since when it is known to be there; null without any. */
  readonly oldestTimestampMs: number | null;
  /** What its records wait for, when nothing of them may begin; null otherwise. */
  readonly held: string | null;
  /** Why lanes or the whole partition stopped, or hold for a person to see; empty when nothing has. */
  readonly halts: readonly string[];
}

export interface ConsumerMembership extends MembershipTimes {
  /** When the group last accepted a commit, or this process first joined; null before. */
  readonly lastAcceptedCommitMs: number | null;
  /** Why commits are not accepted at the moment; null when the last one was. */
  readonly commitsRefusedBy: string | null;
}

export interface ConsumerState {
  readonly joined: boolean;
  readonly membership: ConsumerMembership;
  /** Those that are not closed. */
  readonly breakers: readonly BreakerView[];
  /** Micro-batches that may run at once in the process. */
  readonly limit: number;
  /** For how long records have been waiting that nothing holds, while none was finished. */
  readonly stalledMs: number;
  readonly partitions: readonly PartitionState[];
}

export interface StopReport {
  /** Every micro-batch finished, and the read back of the committed offsets agrees with what is done. */
  readonly clean: boolean;
}

export interface Consumer {
  /** Resolves once the group has been joined. @throws Error after `startTimeoutMs`, saying what could not be reached. */
  start(): Promise<void>;
  /** Stop intake, drain, commit, read back, leave. Never rejects and never takes much longer than `deadlineMs`. */
  stop(deadlineMs: number): Promise<StopReport>;
  state(): ConsumerState;
  /** How many a topic that is subscribed to has by now, whoever holds them; null before the group was joined. */
  partitionsOf(topic: string): number | null;
  /** A member of the group (perhaps an idle one) with nothing halted. */
  ready(): boolean;
  /** Whether an effect may begin: membership is proved (see `ConsumerClient`). */
  mayBegin(): boolean;
  /** Live flags of operators, for all topics that are read with committed offsets. */
  steer(steering: Steering & { readonly concurrency?: number | null }): void;
  /** Another instance says that it is away until then: the first failure of our own opens the breaker. */
  hint(dependency: Dependency, untilMs: number): void;
}
