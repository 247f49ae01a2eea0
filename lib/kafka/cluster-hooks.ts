/**
 * What kafkajs does not offer but can be had through the `cluster` that it gives a partition assigner.
 *
 * - Every join asks `findGroupCoordinator` first and waits for the answer: the only moment before a
 *   rejoin at which the old generation still may commit. There is no event for it.
 * - kafkajs answers an offset out of range by committing -1 or -2 over the group's offset, without an
 *   event. A broker that refuses negative offsets turns that into a crash, with the offset left in place.
 * - The generation, which no event gives in time, is in the answer to JoinGroup.
 * - When a topic is deleted under a running group, asking for the metadata fails for as long as it is gone,
 *   and kafkajs asks again for a day, without an event or a heartbeat.
 * - A fetch asks the same of every partition, for ever; here each is asked for what its answers can bring.
 *
 * The types are kafkajs' own, completed by what its 2.2.4 has and does not declare.
 */
import { asError } from './micro-batch';
import { KafkaJSError, KafkaJSNonRetriableError, type Broker, type Cluster } from 'kafkajs';
import type { FetchAnswer, FetchSizes } from './fetch-sizes';

export interface Membership {
  readonly groupId: string;
  readonly memberId: string;
  readonly groupGenerationId: number;
}

/** A broker with what the types leave out. */
export type GroupBroker = Broker & {
  heartbeat(membership: Membership): Promise<unknown>;
  joinGroup(request: unknown): Promise<{ memberId: string; generationId: number }>;
};

type CommitRequest = Parameters<Broker['offsetCommit']>[0];

export class PositionLeftLogError extends KafkaJSNonRetriableError {
  constructor(topics: readonly string[]) {
    super(
      `The log of ${topics.join(', ')} no longer holds the offset that was to be read next (retention or ` +
        'a truncation overtook this consumer). Nothing was committed; decide where to go on, then set ' +
        "the group's offset by hand.",
    );
  }
}

export class ClusterHooks {
  /** As kafkajs made it: does not wait for a drain. */
  findCoordinator: (groupId: string) => Promise<GroupBroker> = () =>
    Promise.reject(new Error('The consumer has not been made yet.'));
  membership: Membership | null = null;
  cluster: Cluster | null = null;
  readonly #guarded = new WeakSet<Broker>();

  constructor(
    readonly groupId: string,
    readonly fetchSizes: FetchSizes,
    readonly beforeJoin: () => Promise<void>,
    /** With null when the metadata of all topics has come. */
    readonly onMetadata: (failure: Error | null) => void = () => undefined,
  ) {}

  attach(cluster: Cluster): void {
    this.cluster = cluster;
    const find = cluster.findGroupCoordinator.bind(cluster);
    const findCoordinator: typeof find = (group) => find(group).catch(notForGood);
    const findBroker = cluster.findBroker.bind(cluster);
    this.findCoordinator = async (groupId) =>
      this.#guard(await findCoordinator({ groupId })) as GroupBroker;
    cluster.findGroupCoordinator = async (group) => {
      await this.beforeJoin();
      return this.#guard(await findCoordinator(group));
    };
    cluster.findBroker = async (node) => this.#guard(await findBroker(node));
    const refreshMetadata = cluster.refreshMetadata.bind(cluster);
    cluster.refreshMetadata = async () => {
      try {
        await refreshMetadata();
        this.onMetadata(null);
      } catch (error) {
        this.onMetadata(asError(error));
        throw error;
      }
    };
  }

  /** As many as the metadata had last; null before it came. */
  partitionsOf(topic: string): number | null {
    try {
      return this.cluster?.findTopicPartitionMetadata(topic).length || null;
    } catch {
      return null;
    }
  }

  #guard(broker: Broker): Broker {
    if (this.#guarded.has(broker)) return broker;
    this.#guarded.add(broker);
    const group = broker as GroupBroker;
    const offsetCommit = broker.offsetCommit.bind(broker);
    const joinGroup = group.joinGroup.bind(group);
    broker.offsetCommit = (request) => {
      const lost = topicsWithNegativeOffset(request);
      if (lost.length > 0) return Promise.reject(new PositionLeftLogError(lost));
      return offsetCommit(request);
    };
    const fetch = broker.fetch.bind(broker);
    broker.fetch = async (request) => {
      const answer = (await fetch(this.fetchSizes.sized(request))) as FetchAnswer;
      this.fetchSizes.learn(answer);
      return answer;
    };
    group.joinGroup = async (request) => {
      const joined = await joinGroup(request);
      this.membership = {
        groupId: this.groupId,
        memberId: joined.memberId,
        groupGenerationId: joined.generationId,
      };
      return joined;
    };
    return broker;
  }
}

/** While brokers restart nobody knows the coordinator; kafkajs would crash for good instead of asking again. */
function notForGood(error: Error): never {
  if (error.name !== 'KafkaJSGroupCoordinatorNotFound') throw error;
  throw new KafkaJSError(error, { retriable: true });
}

function topicsWithNegativeOffset(request: CommitRequest): string[] {
  return request.topics
    .filter(({ partitions }) => partitions.some(({ offset }) => Number(offset) < 0))
    .map(({ topic }) => topic);
}
