/**
 * The group coordinator: members, generations, and its answers in each state.
 *
 * Eager rebalances as in Kafka's classic protocol. The answers to commits are the measured ones: while members are
 * asked to rejoin the old generation still may commit; a member of the current generation may commit any partition, its
 * own or not; all others are refused.
 */
import type { CommitEntry } from '../../lib/kafka/client-port';
import type { Answer, SimulatedBroker } from './simulated-broker';
import { keyOf } from './simulated-broker';

type GroupErrorType =
  | 'UNKNOWN_MEMBER_ID'
  | 'ILLEGAL_GENERATION'
  | 'REBALANCE_IN_PROGRESS'
  | 'NOT_COORDINATOR_FOR_GROUP'
  | 'GROUP_COORDINATOR_NOT_AVAILABLE';

export class GroupError extends Error {
  constructor(readonly type: GroupErrorType) {
    super(type);
  }
}

export type Share = Readonly<Record<string, readonly number[]>>;

/** The user data of a member's join. */
export interface Claims {
  readonly generation: number;
  readonly owned: Share;
}

export interface Joined<C = Claims> {
  readonly memberId: string;
  readonly generation: number;
  /** For the leader: the claims of all members. Null for the others. */
  readonly members: readonly { readonly id: string; readonly claims: C }[] | null;
}

interface Member<C, S> {
  readonly id: string;
  claims: C;
  seenAtMs: number;
  joining: Answer<Joined<C>> | null;
  syncing: Answer<S> | null;
}

/** State that outlasts a coordinator: written when a generation has its shares. */
interface Stored<C, S> {
  readonly generation: number;
  readonly leader: string;
  readonly members: readonly { readonly id: string; readonly claims: C }[];
  readonly shares: ReadonlyMap<string, S>;
}

interface GroupTimes {
  readonly sessionTimeoutMs: number;
  readonly rebalanceTimeoutMs: number;
}

/** The group's demands on the servers that keep it. */
interface GroupServer {
  readonly broker: SimulatedBroker;
  /** Silent members are not counted. */
  readonly isAway: () => boolean;
  /** What is decided can be written. */
  readonly canStore: () => boolean;
}

export class SimulatedGroup<C = Claims, S = Share> {
  generation = 0;
  #state: 'stable' | 'preparing' | 'completing' = 'stable';
  #leader = '';
  #ids = 0;
  #shares: ReadonlyMap<string, S> = new Map();
  #stored: Stored<C, S> = { generation: 0, leader: '', members: [], shares: new Map() };
  #endJoinTimer = (): void => undefined;
  readonly #members = new Map<string, Member<C, S>>();
  readonly broker: SimulatedBroker;

  constructor(
    readonly server: GroupServer,
    readonly times: GroupTimes,
    /** The share of a member without one. */
    readonly nothing: S,
    readonly onCommit: (entry: CommitEntry, memberId: string) => void,
  ) {
    this.broker = server.broker;
  }

  get isStable(): boolean {
    return this.#state === 'stable' && this.#members.size > 0;
  }

  get memberIds(): readonly string[] {
    return [...this.#members.keys()];
  }

  join(id: string | null, claims: C, answer: Answer<Joined<C>>): void {
    const known = id === null ? this.#add(claims) : this.#members.get(id);
    if (!known) {
      answer.refuse(new GroupError('UNKNOWN_MEMBER_ID'));
      return;
    }
    known.claims = claims;
    known.joining?.refuse(new GroupError('REBALANCE_IN_PROGRESS'));
    known.joining = answer;
    this.#touch(known);
    if (this.#state !== 'preparing') this.#prepare();
    else this.#completeIfAllJoined();
  }

  sync(
    id: string,
    generation: number,
    shares: ReadonlyMap<string, S> | null,
    answer: Answer<S>,
  ): void {
    const error = this.#objection(id, generation);
    if (error && error.type !== 'REBALANCE_IN_PROGRESS') {
      answer.refuse(error);
      return;
    }
    if (this.#state === 'preparing') {
      answer.refuse(new GroupError('REBALANCE_IN_PROGRESS'));
      return;
    }
    const member = this.#members.get(id)!;
    this.#touch(member);
    member.syncing = answer;
    if (shares && this.#state === 'completing') this.#decide(shares);
    if (this.#state !== 'stable') return;
    for (const waiting of this.#members.values()) {
      waiting.syncing?.give(this.#shares.get(waiting.id) ?? this.nothing);
      waiting.syncing = null;
    }
  }

  #decide(shares: ReadonlyMap<string, S>): void {
    if (!this.server.canStore()) {
      this.#refuseSyncs('GROUP_COORDINATOR_NOT_AVAILABLE');
      this.#prepare();
      return;
    }
    this.#shares = shares;
    this.#state = 'stable';
    this.#store();
  }

  /** @throws GroupError when the member should join again. */
  heartbeat(id: string, generation: number): void {
    const member = this.#members.get(id);
    if (member && generation === this.generation) this.#touch(member);
    const error = this.#objection(id, generation);
    if (error) throw error;
    if (this.#state !== 'stable') throw new GroupError('REBALANCE_IN_PROGRESS');
  }

  /** @throws GroupError when the member is of an older generation, or none. */
  commit(id: string, generation: number, entries: readonly CommitEntry[]): void {
    const error = this.#objection(id, generation);
    if (error) throw error;
    this.#touch(this.#members.get(id)!);
    for (const entry of entries) {
      if (entry.metadata.length > 4_096) throw new Error('OFFSET_METADATA_TOO_LARGE');
    }
    for (const entry of entries) {
      this.broker.committed.set(keyOf(entry), entry);
      this.onCommit(entry, id);
    }
  }

  leave(id: string): void {
    if (this.#members.has(id)) this.#remove(id);
  }

  /** A coordinator that has come back gives every member a session's time. */
  restart(): void {
    for (const member of this.#members.values()) this.#touch(member);
  }

  /**
   * Another coordinator takes over with the written state: a running rebalance is forgotten, and every member has a
   * session's time.
   */
  move(): void {
    for (const member of this.#members.values()) {
      member.joining?.refuse(new GroupError('NOT_COORDINATOR_FOR_GROUP'));
    }
    this.#refuseSyncs('NOT_COORDINATOR_FOR_GROUP');
    this.#endJoinTimer();
    this.#members.clear();
    const { generation, leader, members, shares } = this.#stored;
    this.generation = generation;
    this.#leader = leader;
    this.#shares = shares;
    this.#state = 'stable';
    for (const { id, claims } of members) this.#admit(id, claims);
  }

  #store(): void {
    const members = [...this.#members.values()].map(({ id, claims }) => ({ id, claims }));
    const { generation } = this;
    this.#stored = { generation, leader: this.#leader, members, shares: this.#shares };
  }

  #refuseSyncs(type: GroupErrorType): void {
    for (const member of this.#members.values()) {
      member.syncing?.refuse(new GroupError(type));
      member.syncing = null;
    }
  }

  #objection(id: string, generation: number): GroupError | null {
    if (!this.#members.has(id)) return new GroupError('UNKNOWN_MEMBER_ID');
    if (generation !== this.generation) return new GroupError('ILLEGAL_GENERATION');
    return this.#state === 'completing' ? new GroupError('REBALANCE_IN_PROGRESS') : null;
  }

  #add(claims: C): Member<C, S> {
    this.#ids += 1;
    return this.#admit(`member-${this.#ids}`, claims);
  }

  #admit(id: string, claims: C): Member<C, S> {
    const seenAtMs = this.broker.time.nowMs;
    const member = { id, claims, seenAtMs, joining: null, syncing: null };
    this.#members.set(id, member);
    this.#watch(member, this.times.sessionTimeoutMs);
    return member;
  }

  #touch(member: Member<C, S>): void {
    member.seenAtMs = this.broker.time.nowMs;
  }

  /** A member that is silent for a session's time is expelled; one that waits for the join's end is not silent. */
  #watch(member: Member<C, S>, inMs: number): void {
    const { time } = this.broker;
    time.after(inMs, () => {
      if (this.#members.get(member.id) !== member) return;
      if (member.joining || this.server.isAway()) this.#touch(member);
      const leftMs = member.seenAtMs + this.times.sessionTimeoutMs - time.nowMs;
      if (leftMs > 0) this.#watch(member, leftMs);
      else this.#remove(member.id);
    });
  }

  #remove(id: string): void {
    this.#members.get(id)?.syncing?.refuse(new GroupError('UNKNOWN_MEMBER_ID'));
    this.#members.delete(id);
    if (this.#members.size === 0) {
      this.#endJoinTimer();
      this.#state = 'stable';
      this.#store();
      return;
    }
    if (this.#state === 'preparing') this.#completeIfAllJoined();
    else this.#prepare();
  }

  #prepare(): void {
    this.#state = 'preparing';
    this.#refuseSyncs('REBALANCE_IN_PROGRESS');
    this.#endJoinTimer();
    this.#endJoinTimer = this.broker.time.after(this.times.rebalanceTimeoutMs, () => {
      for (const member of [...this.#members.values()]) {
        if (!member.joining) this.#members.delete(member.id);
      }
      if (this.#members.size === 0) this.#state = 'stable';
      else this.#complete();
    });
    this.#completeIfAllJoined();
  }

  #completeIfAllJoined(): void {
    if ([...this.#members.values()].every(({ joining }) => joining)) this.#complete();
  }

  #complete(): void {
    this.#endJoinTimer();
    this.generation += 1;
    this.#state = 'completing';
    if (!this.#members.has(this.#leader)) this.#leader = this.memberIds[0] ?? '';
    const members = [...this.#members.values()].map(({ id, claims }) => ({ id, claims }));
    for (const member of this.#members.values()) {
      this.#touch(member);
      const joined = { memberId: member.id, generation: this.generation };
      member.joining?.give({ ...joined, members: member.id === this.#leader ? members : null });
      member.joining = null;
    }
  }
}
