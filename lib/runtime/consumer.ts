/** What a process sees of the consumer runtime: options, life cycle, state. */
import type { KafkaClient } from '../kafka/kafkajs/create-kafka';
import type { Clock } from '../process/clock';
import type { Logger } from '../process/logger';
import type { Dependency } from './dependency';
import type { MembershipTimes } from '../kafka/client-port';
import type { BreakerState, RuntimeObserver } from './observer';
import type { ConsumerSettings } from './settings';
import type { AnySubscription } from './subscription';

export interface ConsumerOptions {
  /** From `createKafka`. */
  readonly kafka: KafkaClient;
  /** Full name, namespace included. */
  readonly group: string;
  readonly subscriptions: readonly AnySubscription[];
  readonly settings?: Partial<ConsumerSettings>;
  readonly logger: Logger;
  readonly clock: Clock;
  /** Between 0 and 1, for jitter. */
  readonly random: () => number;
  /** Default: no metrics. */
  readonly observer?: RuntimeObserver;
  /**
   * The consumer cannot go on (crash without restart, hung handler): the process must end with a code that is not 0.
   * Called once.
   */
  onFatal(error: Error): void;
}

export interface BreakerView {
  readonly dependency: Dependency;
  readonly state: BreakerState;
  readonly sinceMs: number;
  readonly nextProbeAtMs: number;
  readonly cause: string;
}

/** Live flags of operators; undefined leaves a flag unchanged, null removes it. */
export interface Steering {
  readonly paused?: boolean;
  readonly recordsPerSecond?: number | null;
}

/** Why a partition that could be read is not fetched. */
export type IntakeHold =
  /** Its position is not known yet. */
  | 'loading'
  /** Before a rejoin, or at a stop. */
  | 'draining'
  /** Nothing is read until an operator has decided. */
  | 'halted'
  /** By a pause, or by an open breaker of a dependency that all its records need. */
  | 'shut'
  /** A retry topic: records further back are due later still. */
  | 'not-due'
  /** None of its lanes could begin anything. */
  | 'lanes'
  /** The limits of its buffer, of the process's memory, and of the commit map. */
  | 'full'
  | 'memory'
  | 'window';

export interface PartitionState {
  readonly topic: string;
  readonly partition: number;
  /** Every record below is done; null until the partition has been loaded. */
  readonly doneBelow: number | null;
  readonly committed: number | null;
  /** How many offsets beyond `doneBelow` are done. */
  readonly doneBeyond: number;
  /** Next offset that intake will take; null until the partition has been loaded. */
  readonly taken: number | null;
  readonly highWatermark: number | null;
  /** End of the readable log at Kafka's last answer; null before. */
  readonly logEnd: number | null;
  /**
   * Records that were not done at that time, by the log's end, the group's own offset and its commit map; null when
   * unknown.
   */
  readonly workLeft: number | null;
  /** Why the partition is not fetched; null when it is. */
  readonly intakeHold: IntakeHold | null;
  /** Some finished record is not committed yet. */
  readonly isUncommitted: boolean;
  readonly bufferedRecords: number;
  readonly bufferedBytes: number;
  readonly paused: boolean;
  readonly retryingLanes: number;
  /**
   * Write time of the oldest unfinished record; while that one is not fetched, since when it is known to exist; null
   * without any.
   */
  readonly oldestTimestampMs: number | null;
  /** Why none of its records may begin; null otherwise. */
  readonly held: string | null;
  /** Why lanes or the whole partition stopped, or wait for an operator; empty when none does. */
  readonly halts: readonly string[];
}

export interface ConsumerMembership extends MembershipTimes {
  /** When the group last accepted a commit, or this process first joined; null before. */
  readonly lastAcceptedCommitMs: number | null;
  /** Why commits are refused at the moment; null when the last one was accepted. */
  readonly commitsRefusedBy: string | null;
  /** The same, when the group itself answers that it cannot accept commits at the moment. */
  readonly commitsWaitFor: string | null;
}

export interface ConsumerState {
  readonly joined: boolean;
  readonly membership: ConsumerMembership;
  /** The breakers that are not closed. */
  readonly breakers: readonly BreakerView[];
  /** Micro-batches that may run at once in the process. */
  readonly limit: number;
  /** For how long work has stood still without a known reason; 0 while none does. */
  readonly stalledMs: number;
  /** Which work, in words. */
  readonly stalledBy: string | null;
  /** Why Kafka does not say how much is left; null while it does. */
  readonly kafkaSilentBy: string | null;
  /** When Kafka last did, in milliseconds since the epoch; null before. */
  readonly kafkaAnsweredAtMs: number | null;
  readonly partitions: readonly PartitionState[];
}

export interface StopReport {
  /** Every micro-batch finished, and the committed offsets, read back, agree with what is done. */
  readonly clean: boolean;
}

export interface Consumer {
  /**
   * Resolves once the group has been joined. @throws Error after `startTimeoutMs` that names what could not be reached.
   */
  start(): Promise<void>;
  /** Stop intake, drain, commit, read back, leave. Never rejects and never takes much longer than `deadlineMs`. */
  stop(deadlineMs: number): Promise<StopReport>;
  state(): ConsumerState;
  /** How many partitions a subscribed topic has now, held by any member; null before the group was joined. */
  partitionsOf(topic: string): number | null;
  /** A member of the group (perhaps an idle one) with nothing halted. */
  ready(): boolean;
  /** Whether an effect may begin: membership is proved (see `ConsumerClient`). */
  mayBegin(): boolean;
  /** Live flags of operators, for all topics that are read with committed offsets. */
  steer(steering: Steering & { readonly concurrency?: number | null }): void;
  /** Another instance reports the dependency as unavailable until then: our own first failure opens the breaker. */
  hint(dependency: Dependency, untilMs: number): void;
}
