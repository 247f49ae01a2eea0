/** Imitates kafkajs' broker object: two connections, one of them for fetches only, and a method for each request. */
import type {
  Answers,
  CommitRequestOf,
  FetchTopics,
  JoinRequest,
  OfMember,
  SyncRequest,
} from './answers';
import type { Connection, Serve } from './connection';

/** In addition to the broker's own wait, as in kafkajs. */
const joinGraceMs = 1_500;
/** The answers of the group that prove this membership. */
const provingTypes = new Set(['REBALANCE_IN_PROGRESS']);

export interface Proofs {
  /** When the request was sent that the group has answered. */
  lastSentAtMs: number;
}

interface HandleOptions {
  readonly nodeId: number;
  readonly pool: readonly Connection[];
  readonly answers: Answers;
  readonly rebalanceTimeoutMs: number;
  readonly nowMs: () => number;
  /** The checks' knowledge of this process's membership. */
  readonly proofs: Proofs;
}

export class Handle {
  readonly nodeId: number;
  readonly connectionPool: { readonly pool: readonly Connection[] };
  readonly #options: HandleOptions;

  constructor(options: HandleOptions) {
    this.#options = options;
    this.nodeId = options.nodeId;
    this.connectionPool = { pool: options.pool };
  }

  isConnected(): boolean {
    return this.connectionPool.pool.some((one) => one.isConnected());
  }

  async connect(): Promise<void> {
    if (!this.isConnected()) await this.#connection(0).connect();
  }

  async disconnect(): Promise<void> {
    await Promise.all(this.connectionPool.pool.map((one) => one.disconnect()));
  }

  metadata(): Promise<unknown> {
    return this.#ask(this.#options.answers.metadata());
  }

  findGroupCoordinator(): Promise<unknown> {
    return this.#ask(this.#options.answers.findGroupCoordinator());
  }

  heartbeat(request: OfMember): Promise<void> {
    return this.#proving(this.#askGroup(this.#options.answers.heartbeat(request)));
  }

  joinGroup(request: JoinRequest): Promise<unknown> {
    const limitMs = this.#options.rebalanceTimeoutMs + joinGraceMs;
    return this.#askGroup(this.#options.answers.joinGroup(request), limitMs);
  }

  syncGroup(request: SyncRequest): Promise<unknown> {
    return this.#proving(this.#askGroup(this.#options.answers.syncGroup(request)));
  }

  leaveGroup(request: { readonly memberId: string }): Promise<void> {
    return this.#askGroup(this.#options.answers.leaveGroup(request));
  }

  offsetFetch(request: Parameters<Answers['offsetFetch']>[0]): Promise<unknown> {
    return this.#ask(this.#options.answers.offsetFetch(request));
  }

  offsetCommit(request: CommitRequestOf): Promise<void> {
    return this.#askGroup(this.#options.answers.offsetCommit(request));
  }

  listOffsets(request: Parameters<Answers['listOffsets']>[0]): Promise<unknown> {
    return this.#ask(this.#options.answers.listOffsets(request));
  }

  fetch(request: FetchTopics): Promise<unknown> {
    return this.#connection(1).request(this.#options.answers.fetch(request));
  }

  #connection(index: number): Connection {
    const connection = this.connectionPool.pool[index];
    if (!connection) throw new Error(`A broker has no connection ${index}.`);
    return connection;
  }

  #ask<T>(serve: Serve<T>): Promise<T> {
    return this.#connection(0).request(serve);
  }

  #askGroup<T>(serve: Serve<T>, limitMs?: number): Promise<T> {
    const limits = limitMs === undefined ? {} : { limitMs };
    return this.#connection(0).request(serve, { ...limits, isOfGroup: true });
  }

  async #proving<T>(asked: Promise<T>): Promise<T> {
    const { nowMs, proofs } = this.#options;
    const sentAtMs = nowMs();
    const prove = (): void => {
      proofs.lastSentAtMs = Math.max(proofs.lastSentAtMs, sentAtMs);
    };
    try {
      const answer = await asked;
      prove();
      return answer;
    } catch (error) {
      if (provingTypes.has((error as { type?: string }).type ?? '')) prove();
      throw error;
    }
  }
}
