/** What kafkajs' consumer is given, and what our hooks hand it for a coordinator. */
import type { Assigner } from 'kafkajs';
import type { TopicPartition } from '../../../lib/kafka/client-port';
import type { JoinAnswer, JoinRequest, OfMember, SyncRequest, TopicOf } from './answers';
import type { Cluster } from './cluster';

/** What a join is given: our hooks' own, which finds the broker itself. */
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
