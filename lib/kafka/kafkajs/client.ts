/**
 * The client port on kafkajs 2.2.4. Each workaround here answers a measured behaviour of that client.
 *
 * Auto commit and auto resolve are off. The position moves by resolving what was taken. Commits go through the batch
 * payload's `commitOffsetsIfNecessary`, because the consumer's own `commitOffsets` resolves without committing once a
 * stop has begun, and retries across generations.
 */
import type { Consumer, ConsumerCrashEvent, ConsumerGroupJoinEvent } from 'kafkajs';
import type { ConsumerEndBatchProcessEvent, EachBatchPayload, Kafka } from 'kafkajs';
import type { Clock } from '../../process/clock';
import type { Logger } from '../../process/logger';
import { asCommitError, isTopicMissing } from './client-errors';
import { StaleCommitError } from '../client-port';
import type { ClientListener, CommitEntry, ConsumerClient, Position } from '../client-port';
import {
  type ClientSettings,
  type MembershipTimes,
  type Tail,
  type TopicPartition,
  TopicGoneError,
} from '../client-port';
import { attach, type Attached, type ClusterHooksOptions } from './cluster-hooks';
import { FetchSizes } from './fetch-sizes';
import { convertBatch } from './fetched-batch';
import { asError } from '../../process/is-error';
import { groupNeed, nameRefusal, principalOf } from '../missing-right';
import { byTopic, readPositions } from './positions';
import { createStickyAssigner, type Claims } from './sticky-assigner';
import { readTails } from './tails';

interface KafkaJsClientOptions {
  readonly kafka: Kafka;
  readonly group: string;
  readonly topics: readonly { readonly topic: string; readonly everyMember: boolean }[];
  readonly settings: ClientSettings;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly random: () => number;
  /** The monotonic clock. Default: the process's own. */
  readonly monotonicMs?: () => number;
}

type CommitFunction = EachBatchPayload['commitOffsetsIfNecessary'];

/** At least as many as a member holds: with fewer, a partition that waits for room would delay the others. */
const partitionsAtOnce = 256;
/** How often kafkajs checks whether it has to join again: `group-member.ts` sends the heartbeats. */
const lookEveryMs = 250;
/** A broker that restarts must not crash the consumer: its group would wait a session timeout for the dead member. */
const patience = { retries: 100_000, initialRetryTime: 100, maxRetryTime: 1_000 };

const noTimes: MembershipTimes = {
  memberSinceMs: null,
  joiningSinceMs: null,
  lastProofSentAtMs: null,
};

export class KafkaJsClient implements ConsumerClient {
  readonly #options: KafkaJsClientOptions;
  /** Set by kafkajs when it makes the consumer. */
  #inside: Attached | null = null;
  readonly #consumer: Consumer;
  #listener: ClientListener | null = null;
  #epoch = 0;
  #isMember = false;
  #stopping = false;
  #isBroken = false;
  #commit: CommitFunction | null = null;
  #claims: Claims = { generation: -1, owned: {} };
  #topicGoneSinceMs: number | null = null;

  constructor(options: KafkaJsClientOptions) {
    this.#options = options;
    const { group, settings } = options;
    const everyMember = new Set(options.topics.filter((t) => t.everyMember).map((t) => t.topic));
    this.#consumer = options.kafka.consumer({
      groupId: group,
      allowAutoTopicCreation: false,
      sessionTimeout: settings.sessionTimeoutMs,
      rebalanceTimeout: settings.rebalanceTimeoutMs,
      heartbeatInterval: lookEveryMs,
      maxWaitTimeInMs: settings.fetchWaitMs,
      maxBytes: settings.fetchBytes,
      retry: patience,
      partitionAssigners: [
        ({ cluster }) => {
          this.#inside = attach(cluster, this.#hooks(settings));
          return createStickyAssigner(cluster, everyMember, () => this.#claims);
        },
      ],
    });
  }

  get heardAtMs(): number {
    return this.membership.lastProofSentAtMs ?? 0;
  }

  get membership(): MembershipTimes {
    return this.#inside?.member.times ?? noTimes;
  }

  mayBegin(): boolean {
    return this.#inside?.member.isProved ?? false;
  }

  async start(listener: ClientListener): Promise<void> {
    this.#listener = listener;
    const { topics } = this.#options;
    const { GROUP_JOIN, CRASH, END_BATCH_PROCESS } = this.#consumer.events;
    const joined = new Promise<void>((resolve, reject) => {
      this.#consumer.on(GROUP_JOIN, (event) => {
        this.#onGroupJoin(event);
        resolve();
      });
      this.#consumer.on(CRASH, (event) => {
        this.#onCrash(event);
        // For example a coordinator that is loading: kafkajs starts again by itself.
        if (!event.payload.restart || isTopicMissing(event.payload.error))
          reject(event.payload.error);
      });
    });
    joined.catch(() => undefined);
    this.#consumer.on(END_BATCH_PROCESS, (event) => this.#onEndBatch(event));
    this.#inside?.member.start();
    await this.#consumer.connect();
    await this.#consumer.subscribe({ topics: topics.map((t) => t.topic), fromBeginning: true });
    await this.#consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      partitionsConsumedConcurrently: partitionsAtOnce,
      eachBatch: (payload) => this.#onBatch(payload),
    });
    await joined;
  }

  pause(at: TopicPartition): void {
    this.#ifRunning(() => this.#consumer.pause([{ topic: at.topic, partitions: [at.partition] }]));
  }

  resume(at: TopicPartition): void {
    this.#ifRunning(() => this.#consumer.resume([{ topic: at.topic, partitions: [at.partition] }]));
  }

  seek(at: TopicPartition, offset: number): void {
    // kafkajs gives negative offsets meanings that Kafka does not.
    if (!Number.isSafeInteger(offset) || offset < 0) {
      throw new RangeError(`${offset} is not an offset to read from.`);
    }
    this.#ifRunning(() => this.#consumer.seek({ ...at, offset: String(offset) }));
  }

  positions(of: readonly TopicPartition[]): Promise<readonly Position[]> {
    if (!this.#inside) throw new Error('The consumer has not been made yet.');
    return readPositions(this.#inside, this.#options.group, of);
  }

  tails(of: readonly TopicPartition[]): Promise<readonly Tail[]> {
    if (!this.#inside) throw new Error('The consumer has not been made yet.');
    return readTails(this.#inside, this.#options.group, of);
  }

  partitionsOf(topic: string): number | null {
    return this.#inside?.partitionsOf(topic) ?? null;
  }

  commit(epoch: number, entries: readonly CommitEntry[]): Promise<boolean> {
    return new Promise((resolve, reject) => {
      // In a turn of its own: the client swaps its generation a few microtasks before it emits the event. Check and
      // call are one synchronous step, so that the group fences a rebalance in between.
      setImmediate(() => {
        if (epoch !== this.#epoch || !this.#isMember) {
          reject(new StaleCommitError('The assignment is over.'));
        } else if (!this.#commit) {
          resolve(false);
        } else {
          this.#commit({ topics: byTopic(entries, toCommit) }).then(
            () => resolve(true),
            (error: unknown) => reject(asCommitError(this.#named(error))),
          );
        }
      });
    });
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    this.#inside?.coordinator.close();
    const stopped = this.#consumer.stop();
    // The disconnect waits for every fetch, even one that a frozen broker does not answer.
    this.#inside?.giveUpFetches();
    await stopped;
    await this.#inside?.close();
    await this.#consumer.disconnect();
  }

  /** A right that is taken away at run time shows up in the commits. */
  #named(error: unknown): unknown {
    const { group, kafka } = this.#options;
    return nameRefusal(principalOf(kafka), error, [groupNeed('READ', group)]);
  }

  #onGroupJoin({ payload }: ConsumerGroupJoinEvent): void {
    const partitions = Object.entries(payload.memberAssignment).flatMap(([topic, numbers]) =>
      numbers.map((partition) => ({ topic, partition })),
    );
    const generation = this.#inside?.member.membership?.groupGenerationId ?? -1;
    this.#claims = { generation, owned: { ...payload.memberAssignment } };
    this.#epoch += 1;
    this.#isMember = true;
    this.#inside?.member.joined();
    try {
      this.#listener?.onJoined({ epoch: this.#epoch, memberId: payload.memberId, partitions });
    } catch (error) {
      // kafkajs would swallow or retry the error, and it is a bug of ours.
      this.#listener?.onFatal(asError(error));
    }
  }

  /** kafkajs retries for ever, so the error must be reported: the records cannot come. */
  #onMetadata(failure: Error | null): void {
    if (failure === null) this.#topicGoneSinceMs = null;
    if (failure === null || !isTopicMissing(failure) || this.#stopping || this.#isBroken) return;
    const { clock, settings, topics } = this.#options;
    this.#topicGoneSinceMs ??= clock.nowMs();
    if (clock.nowMs() - this.#topicGoneSinceMs < settings.topicGoneMs) return;
    this.#isBroken = true;
    this.#listener?.onFatal(new TopicGoneError(topics, failure));
  }

  #onCrash({ payload }: ConsumerCrashEvent): void {
    this.#isMember = false;
    this.#inside?.member.left();
    this.#commit = null;
    if (payload.restart) this.#listener?.onLeft();
    else if (!this.#stopping) this.#listener?.onFatal(payload.error);
  }

  async #onBatch(payload: EachBatchPayload): Promise<void> {
    const { batch } = payload;
    this.#commit = (offsets) => payload.commitOffsetsIfNecessary(offsets);
    const last = batch.messages.at(-1);
    if (!this.#listener || !last || this.#isBroken) return;
    try {
      // Resolving the last record also covers a transaction marker behind it.
      await this.#listener.onBatch(convertBatch(batch), () => payload.resolveOffset(last.offset));
    } catch (error) {
      // kafkajs would retry silently for days, and this is a bug of ours.
      this.#isBroken = true;
      this.#listener.onFatal(asError(error));
    }
  }

  #onEndBatch({ payload }: ConsumerEndBatchProcessEvent): void {
    if (payload.batchSize > 0) return;
    this.#listener?.onFiltered({
      topic: payload.topic,
      partition: payload.partition,
      firstOffset:
        (payload.firstOffset as string | null) === null ? null : Number(payload.firstOffset),
      lastOffset: Number(payload.lastOffset),
    });
  }

  #hooks(settings: ClientSettings): ClusterHooksOptions {
    const { group, clock, logger } = this.#options;
    const { sessionTimeoutMs, heartbeatEveryMs } = settings;
    return {
      ...{ groupId: group, clock, logger, sessionTimeoutMs, heartbeatEveryMs },
      fetchSizes: new FetchSizes({
        bytesMax: settings.fetchBytesPerPartition,
        memoryBytes: settings.fetchMemoryBytes,
      }),
      nowMs: this.#options.monotonicMs ?? (() => performance.now()),
      random: this.#options.random,
      beforeJoin: async () => {
        if (this.#isMember && !this.#stopping) await this.#listener?.onBeforeRejoin();
      },
      onMetadata: (failure) => this.#onMetadata(failure),
      onProved: () => this.#listener?.onProved(),
    };
  }

  /** Between an internal crash and the restart kafkajs throws here; the next join sets everything again. */
  #ifRunning(act: () => void): void {
    try {
      act();
    } catch (error) {
      this.#options.logger.debug(
        { event: 'client.not-running', err: asError(error) },
        'not running',
      );
    }
  }
}

const toCommit = (entry: CommitEntry): { partition: number; offset: string; metadata: string } => ({
  partition: entry.partition,
  offset: String(entry.offset),
  metadata: entry.metadata,
});
