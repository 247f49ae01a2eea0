/** The arguments of kafkajs' consumer, and the objects that our hooks give it for a coordinator. */
import type { Assigner } from 'kafkajs';
import type { TopicPartition } from '../../../lib/kafka/client-port';
import type { JoinAnswer, JoinRequest, OfMember, SyncRequest, TopicOf } from './answers';
import type { Cluster } from './cluster';

/** The argument of a join: our hooks' own object, which finds the broker itself. */
export interface Coordinator {
  heartbeat(of: OfMember & { groupId: string }): Promise<unknown>;
  joinGroup(request: JoinRequest): Promise<JoinAnswer>;
  syncGroup(request: SyncRequest): Promise<{ memberAssignment: Buffer }>;
  leaveGroup(of: { memberId: string }): Promise<unknown>;
  offsetFetch(of: object): Promise<{
    responses: readonly TopicOf<{ partition: number; offset: string }>[];
  }>;
  offsetCommit(of: object): Promise<unknown>;
}

export interface ConsumerConfig {
  readonly groupId: string;
  readonly heartbeatInterval: number;
  readonly maxWaitTimeInMs: number;
  readonly partitionAssigners: readonly ((of: { cluster: Cluster }) => Assigner)[];
}

export interface Offsets {
  readonly topics: readonly TopicOf<{ partition: number; offset: string }>[];
}

export const flat = (of: readonly TopicOf<number>[]): TopicPartition[] =>
  of.flatMap(({ topic, partitions }) => partitions.map((partition) => ({ topic, partition })));
