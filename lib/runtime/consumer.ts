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
  /** Default: nobody counts. */
  readonly observer?: RuntimeObserver;
  /** The consumer cannot go on (crash without restart, hung handler): end the process with a code that is not 0. Called once. */
  onFatal(error: Error): void;
}

export interface BreakerView {
  readonly dependency: Dependency;
  readonly state: BreakerState;
  readonly sinceMs: number;
  readonly nextProbeAtMs: number;
  readonly cause: string;
}

/** Live settings of operators; undefined leaves one as it is, null takes it back. */
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
  /** For an operator: nothing of it is read. */
  | 'halted'
  /** By a pause, or by the breaker of what all its records need. */
  | 'shut'
  /** A retry topic: those behind are due later still. */
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
  /** Everything below is done; null until the partition has been loaded. */
  readonly doneBelow: number | null;
  readonly committed: number | null;
  /** How many offsets beyond are done. */
  readonly doneBeyond: number;
  /** Where intake stands; null until the partition has been loaded. */
  readonly taken: number | null;
  readonly highWatermark: number | null;
  /** Up to where the log could be read when Kafka was last asked; null while it has not said. */
  readonly logEnd: number | null;
  /** Records that were not done then, by the log's end, the group's own offset and the map of its commit; null while not known. */
  readonly workLeft: number | null;
  /** Why it is not fetched; null when it is to be. */
  readonly intakeHold: IntakeHold | null;
  /** Something is done that no commit says yet. */
  readonly isUncommitted: boolean;
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
  /** The same, when the group itself says that it cannot accept any at the moment. */
  readonly commitsWaitFor: string | null;
}

export interface ConsumerState {
  readonly joined: boolean;
  readonly membership: ConsumerMembership;
  /** Those that are not closed. */
  readonly breakers: readonly BreakerView[];
  /** Micro-batches that may run at once in the process. */
  readonly limit: number;
  /** For how long work has been left standing for no reason that has a name; 0 while none is. */
  readonly stalledMs: number;
  /** Which, in words. */
  readonly stalledBy: string | null;
  /** Why Kafka does not say how much is left; null while it does. */
  readonly kafkaSilentBy: string | null;
  /** When it last did, in milliseconds since the epoch; null before. */
  readonly kafkaAnsweredAtMs: number | null;
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
