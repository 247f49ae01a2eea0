/** Types of the undeclared parts of kafkajs 2.2.4 that we use. */
import type { Broker, Cluster } from 'kafkajs';

export interface Membership {
  readonly groupId: string;
  readonly memberId: string;
  readonly groupGenerationId: number;
}

interface Connection {
  readonly requestQueue: { requestTimeout: number };
  rejectRequests(error: Error): void;
  disconnect(): Promise<unknown>;
}

interface ConnectionPool {
  /** The second one is for fetches only. */
  readonly pool: readonly Connection[];
}

type NodeId = string | number;

export type InnerBroker = Broker & {
  readonly nodeId: NodeId | null;
  readonly connectionPool: ConnectionPool;
  findGroupCoordinator(of: {
    groupId: string;
    coordinatorType: number;
  }): Promise<{ coordinator: { nodeId: NodeId } }>;
  heartbeat(membership: Membership): Promise<unknown>;
  joinGroup(request: unknown): Promise<{ memberId: string; generationId: number }>;
  syncGroup(request: unknown): Promise<unknown>;
  leaveGroup(request: unknown): Promise<unknown>;
};

export type InnerCluster = Cluster & {
  readonly brokerPool: {
    readonly brokers: Readonly<Record<string, InnerBroker>>;
    findConnectedBroker(): Promise<InnerBroker>;
  };
  readonly connectionPoolBuilder: {
    build(to?: unknown): Promise<ConnectionPool>;
  };
};

export type CommitRequest = Parameters<Broker['offsetCommit']>[0];
export type FetchRequest = Parameters<Broker['fetch']>[0];
