/**
 * Hooks that kafkajs does not offer, reached through the `cluster` that it passes to a partition assigner.
 *
 * - Every join calls `findGroupCoordinator` first and waits for the result: the only moment before a rejoin at which
 *   the old generation still may commit. kafkajs has no event for it.
 * - The result is a coordinator that looks for its successor by itself (`coordinator.ts`, `group-member.ts`).
 * - kafkajs reacts to an offset out of range by committing -1 or -2 over the group's offset, without an event. Here the
 *   broker object refuses negative offsets: the consumer crashes, and the offset stays in place.
 * - When a topic is deleted under a running group, reading the metadata fails for as long as it is gone, and kafkajs
 *   repeats that for a day, without an event or a heartbeat.
 */
import { KafkaJSError, KafkaJSNonRetriableError, type Broker, type Cluster } from 'kafkajs';
import type { Clock } from '../../process/clock';
import type { Logger } from '../../process/logger';
import { within } from '../../process/within';
import { Brokers } from './brokers';
import { Coordinator, isLost } from './coordinator';
import { Fetches } from './fetches';
import type { FetchSizes } from './fetch-sizes';
import { GroupMember } from './group-member';
import type { CommitRequest, InnerBroker, InnerCluster, Membership } from './internals';
import { asError } from '../../process/is-error';

class PositionLeftLogError extends KafkaJSNonRetriableError {
  constructor(topics: readonly string[]) {
    super(
      `The log of ${topics.join(', ')} no longer holds the offset that was to be read next (retention or ` +
        'a truncation overtook this consumer). Nothing was committed; decide where to go on, then set ' +
        "the group's offset by hand.",
    );
  }
}

/** Share of the session: a coordinator that does not answer by then must be found again while the session lasts. */
const requestShare = 0.6;
const groupRequestShare = 0.3;

export interface ClusterHooksOptions {
  readonly groupId: string;
  readonly sessionTimeoutMs: number;
  readonly heartbeatEveryMs: number;
  readonly fetchSizes: FetchSizes;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The monotonic clock. */
  readonly nowMs: () => number;
  /** Between 0 and 1. */
  readonly random: () => number;
  readonly beforeJoin: () => Promise<void>;
  /** Called with null when the metadata of all topics has come. */
  readonly onMetadata: (failure: Error | null) => void;
  readonly onProved: () => void;
}

export interface Attached {
  readonly cluster: InnerCluster;
  readonly coordinator: Coordinator;
  readonly member: GroupMember;
  /** As many as the last metadata had; null before it came. */
  partitionsOf(topic: string): number | null;
  /** Fetches under way bring nothing, and end at once. */
  giveUpFetches(): void;
  /** The group has been left: nothing connects any more. */
  close(): Promise<void>;
}

/** Called once, before kafkajs connects. */
export function attach(given: Cluster, options: ClusterHooksOptions): Attached {
  const cluster = given as InnerCluster;
  const { groupId, clock, logger, nowMs, sessionTimeoutMs } = options;
  limitRequests(cluster, requestShare * sessionTimeoutMs);
  const endMetadata = tellOfMetadata(cluster, options.onMetadata);
  const brokers = new Brokers(cluster, clock, nowMs, options.random);
  const fetches = new Fetches(cluster, options.fetchSizes, clock);
  const findBroker = cluster.findBroker.bind(cluster);
  cluster.findBroker = async (node) => fetches.guard((await findBroker(node)) as InnerBroker);
  const requestLimitMs = groupRequestShare * sessionTimeoutMs;
  const coordinator = new Coordinator({ groupId, brokers, clock, logger, requestLimitMs });
  const member = new GroupMember({
    ...options,
    coordinator,
    onJoinWanted: () => fetches.giveUp(),
  });
  const group = coordinatorFor(coordinator, member);
  cluster.findGroupCoordinator = async () => {
    await member.drain(options.beforeJoin);
    return group;
  };
  const close = async (): Promise<void> => {
    member.stop();
    await within(clock, requestLimitMs, endMetadata(), undefined);
  };
  const partitionsOf = (topic: string): number | null => {
    try {
      return cluster.findTopicPartitionMetadata(topic).length || null;
    } catch {
      return null;
    }
  };
  const giveUpFetches = (): void => fetches.giveUp();
  return { cluster, coordinator, member, partitionsOf, giveUpFetches, close };
}

/** The limit of kafkajs is the same for all clients of a process, and producers may have to wait longer. */
function limitRequests({ connectionPoolBuilder }: InnerCluster, limitMs: number): void {
  const build = connectionPoolBuilder.build.bind(connectionPoolBuilder);
  connectionPoolBuilder.build = async (to) => {
    const connections = await build(to);
    for (const { requestQueue } of connections.pool) requestQueue.requestTimeout = limitMs;
    return connections;
  };
}

/** @returns the call that ends it: reading the metadata after the disconnect would connect again, for good. */
function tellOfMetadata(
  cluster: InnerCluster,
  tell: (failure: Error | null) => void,
): () => Promise<void> {
  const refreshMetadata = cluster.refreshMetadata.bind(cluster);
  let isOver = false;
  let last: Promise<void> = Promise.resolve();
  cluster.refreshMetadata = async () => {
    if (isOver) throw new KafkaJSNonRetriableError('The consumer stops.');
    try {
      await (last = refreshMetadata());
      tell(null);
    } catch (error) {
      tell(asError(error));
      throw error;
    }
  };
  return () => {
    isOver = true;
    return last.catch(() => undefined);
  };
}

/** The error type is left to its cause. */
const untyped = (cause: Error): Error => Object.assign(new KafkaJSError(cause), { cause });

/** A broker object as kafkajs wants it for its group. */
function coordinatorFor(coordinator: Coordinator, member: GroupMember): Broker {
  const ask = async <T>(send: (broker: InnerBroker) => Promise<T>): Promise<T> => {
    try {
      return await coordinator.request(send);
    } catch (error) {
      // An error of that type makes kafkajs join again, and a moved coordinator is no reason for that.
      throw isLost(asError(error)) ? untyped(asError(error)) : error;
    }
  };
  const group = {
    isConnected: () => true,
    heartbeat: (membership: Membership) => member.heartbeat(membership),
    joinGroup: (request: unknown) => member.join(request),
    syncGroup: (request: unknown) => member.sync(request),
    leaveGroup: (request: unknown) => ask((broker) => broker.leaveGroup(request)),
    offsetFetch: (request: Parameters<Broker['offsetFetch']>[0]) =>
      ask((broker) => broker.offsetFetch(request)),
    offsetCommit: (request: CommitRequest) => {
      const lost = topicsWithNegativeOffset(request);
      if (lost.length > 0) return Promise.reject(new PositionLeftLogError(lost));
      return ask((broker) => broker.offsetCommit(request));
    },
  };
  return group as unknown as Broker;
}

function topicsWithNegativeOffset(request: CommitRequest): string[] {
  return request.topics
    .filter(({ partitions }) => partitions.some(({ offset }) => Number(offset) < 0))
    .map(({ topic }) => topic);
}
