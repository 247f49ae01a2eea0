/** A broker's answers to requests, as kafkajs passes them on. */
import type { CommitEntry } from '../../../lib/kafka/client-port';
import { keyOf } from '../simulated-broker';
import type { LoggedRecord, LogRead } from '../simulated-log';
import type { Brokers } from './brokers';
import type { Serve } from './connection';
import type { Node } from './node';
import { ProtocolError } from './protocol-error';

export interface TopicOf<P> {
  readonly topic: string;
  readonly partitions: readonly P[];
}

interface Numbered {
  readonly partition: number;
}

export interface OfMember {
  readonly memberId: string;
  readonly groupGenerationId: number;
}

export interface JoinRequest {
  readonly memberId: string;
  readonly groupProtocols: readonly { readonly metadata: Buffer }[];
}

export interface SyncRequest {
  readonly memberId: string;
  readonly generationId: number;
  readonly groupAssignment: readonly {
    readonly memberId: string;
    readonly memberAssignment: Buffer;
  }[];
}

export interface JoinAnswer {
  readonly memberId: string;
  readonly generationId: number;
  readonly leaderId: string;
  readonly members: readonly { readonly memberId: string; readonly memberMetadata: Buffer }[];
}

export interface CommitRequestOf extends OfMember {
  readonly topics: readonly TopicOf<Numbered & { offset: string; metadata?: string | null }>[];
}

export interface FetchTopics {
  readonly topics: readonly TopicOf<Numbered & { fetchOffset: string }>[];
  readonly maxWaitTime: number;
}

interface FetchedPart extends Numbered {
  readonly topic: string;
  readonly highWatermark: string;
  readonly messages: readonly Message[];
  readonly read: LogRead;
}

export interface FetchAnswerOf {
  readonly responses: readonly {
    readonly topicName: string;
    readonly partitions: readonly FetchedPart[];
  }[];
}

export interface Message {
  readonly offset: string;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: LoggedRecord['headers'];
  readonly timestamp: string;
}

export interface Metadata {
  readonly nodes: readonly number[];
  readonly leaders: ReadonlyMap<string, number>;
}

const earliest = -2;

const toMessage = ({ offset, key, value, headers, timestampMs }: LoggedRecord): Message => ({
  ...{ offset: String(offset), key, value, headers },
  timestamp: String(timestampMs),
});

const now =
  <T>(answer: () => T): Serve<T> =>
  ({ give, refuse }) => {
    try {
      give(answer());
    } catch (error) {
      refuse(error as Error);
    }
  };

export class Answers {
  readonly #brokers: Brokers;
  readonly #node: Node;
  /** Records a fetch brings of a partition, at most. */
  readonly #fetchRecords: number;

  constructor(brokers: Brokers, node: Node, fetchRecords: number) {
    this.#brokers = brokers;
    this.#node = node;
    this.#fetchRecords = fetchRecords;
  }

  metadata(): Serve<Metadata> {
    return now(() => ({ nodes: this.#node.knows.nodes, leaders: this.#node.knows.leaders }));
  }

  findGroupCoordinator(): Serve<{ coordinator: { nodeId: number } }> {
    return now(() => ({ coordinator: { nodeId: this.#node.knows.coordinator } }));
  }

  heartbeat({ memberId, groupGenerationId }: OfMember): Serve<void> {
    return now(() => this.#group().heartbeat(memberId, groupGenerationId));
  }

  joinGroup({ memberId, groupProtocols }: JoinRequest): Serve<JoinAnswer> {
    return ({ give, refuse }) => {
      try {
        if (this.#brokers.failsJoins) throw new ProtocolError('REQUEST_TIMED_OUT');
        const claims = groupProtocols[0]?.metadata ?? Buffer.alloc(0);
        this.#group().join(memberId === '' ? null : memberId, claims, {
          refuse,
          give: ({ memberId: id, generation, members }) =>
            give({
              memberId: id,
              generationId: generation,
              leaderId: members ? id : '',
              members: (members ?? []).map((one) => ({
                memberId: one.id,
                memberMetadata: one.claims,
              })),
            }),
        });
      } catch (error) {
        refuse(error as Error);
      }
    };
  }

  syncGroup(request: SyncRequest): Serve<{ memberAssignment: Buffer }> {
    const { memberId, generationId, groupAssignment } = request;
    return ({ give, refuse }) => {
      const shares = new Map(groupAssignment.map((one) => [one.memberId, one.memberAssignment]));
      try {
        this.#group().sync(memberId, generationId, shares.size > 0 ? shares : null, {
          refuse,
          give: (memberAssignment) => give({ memberAssignment }),
        });
      } catch (error) {
        refuse(error as Error);
      }
    };
  }

  leaveGroup({ memberId }: { readonly memberId: string }): Serve<void> {
    return now(() => this.#group().leave(memberId));
  }

  offsetFetch({ topics }: { readonly topics: readonly TopicOf<Numbered>[] }): Serve<unknown> {
    return now(() => {
      this.#group();
      const { committed } = this.#brokers.store;
      return {
        responses: topics.map(({ topic, partitions }) => ({
          topic,
          partitions: partitions.map(({ partition }) => {
            const entry = committed.get(keyOf({ topic, partition }));
            return {
              partition,
              offset: String(entry?.offset ?? -1),
              metadata: entry?.metadata ?? '',
            };
          }),
        })),
      };
    });
  }

  offsetCommit({ memberId, groupGenerationId, topics }: CommitRequestOf): Serve<void> {
    return now(() => {
      const group = this.#group();
      const entries: CommitEntry[] = topics.flatMap(({ topic, partitions }) =>
        partitions.map(({ partition, offset, metadata }) => ({
          ...{ topic, partition, offset: Number(offset), metadata: metadata ?? '' },
        })),
      );
      // Kafka's answer when the topic of the offsets has too few replicas.
      if (this.#brokers.refusesCommits) throw new ProtocolError('GROUP_COORDINATOR_NOT_AVAILABLE');
      group.commit(memberId, groupGenerationId, entries);
    });
  }

  listOffsets({
    topics,
  }: {
    readonly topics: readonly TopicOf<Numbered & { timestamp: number }>[];
  }): Serve<unknown> {
    return now(() => ({
      responses: topics.map(({ topic, partitions }) => ({
        topic,
        partitions: partitions.map(({ partition, timestamp }) => {
          const log = this.#log(topic, partition);
          return { partition, offset: String(timestamp === earliest ? log.start : log.end) };
        }),
      })),
    }));
  }

  fetch({ topics, maxWaitTime }: FetchTopics): Serve<FetchAnswerOf> {
    return ({ give, refuse }) => {
      const read = (isLast: boolean): void => {
        try {
          const parts = this.#read(topics);
          if (!isLast && parts.length === 0) {
            const again = (): void => this.#node.whenUp(() => read(true));
            this.#brokers.store.time.after(maxWaitTime, again);
          } else {
            const byTopic = Map.groupBy(parts, ({ topic }) => topic);
            const responses = [...byTopic].map(([topicName, partitions]) => ({
              topicName,
              partitions,
            }));
            give({ responses });
          }
        } catch (error) {
          refuse(error as Error);
        }
      };
      read(false);
    };
  }

  #read(topics: FetchTopics['topics']): FetchedPart[] {
    const { store, mute } = this.#brokers;
    return topics.flatMap(({ topic, partitions }) =>
      partitions.flatMap(({ partition, fetchOffset }) => {
        const log = this.#log(topic, partition);
        if (mute.has(keyOf(log.at))) return [];
        const read = log.read(Number(fetchOffset), store.random.int(1, this.#fetchRecords));
        if (!read) return [];
        const messages = read.records.map(toMessage);
        return [{ topic, partition, highWatermark: String(log.end), messages, read }];
      }),
    );
  }

  /** @throws ProtocolError when another broker coordinates the group. */
  #group(): Brokers['group'] {
    const brokers = this.#brokers;
    if (brokers.coordinator !== this.#node) throw new ProtocolError('NOT_COORDINATOR_FOR_GROUP');
    if (brokers.isLoading) throw new ProtocolError('GROUP_LOAD_IN_PROGRESS');
    return brokers.group;
  }

  /** @throws ProtocolError when another broker leads the partition. */
  #log(topic: string, partition: number): ReturnType<Brokers['store']['log']> {
    const log = this.#brokers.store.log({ topic, partition });
    if (this.#brokers.leaderOf(keyOf(log.at)) !== this.#node) {
      throw new ProtocolError('NOT_LEADER_FOR_PARTITION');
    }
    return log;
  }
}
