/**
 * The group coordinator: members, generations, and what it answers in each state.
 *
 * Eager rebalances as Kafka's classic protocol has them. The answers to commits are the measured ones:
 * while members are asked to rejoin the old generation still may commit; who is a member of the current
 * generation may commit any partition, its own or not; everybody else is refused.
 */
import type { CommitEntry } from '../../lib/kafka/client-port';
import type { Answer, SimulatedBroker } from './simulated-broker';
import { keyOf } from './simulated-broker';

export type GroupErrorType = 'UNKNOWN_MEMBER_ID' | 'ILLEGAL_GENERATION' | 'REBALANCE_IN_PROGRESS';

export class GroupError extends Error {
  constructor(readonly type: GroupErrorType) {
    super(type);
  }
}

export type Share = Readonly<Record<string, readonly number[]>>;

/** What a member says of itself at a join. */
export interface Claims {
  readonly generation: number;
  readonly owned: Share;
}

export interface Joined {
  readonly memberId: string;
  readonly generation: number;
  /** For the leader: everybody's claims. Null for the others. */
  readonly members: readonly { readonly id: string; readonly claims: Claims }[] | null;
}

interface Member {
  readonly id: string;
  claims: Claims;
  seenAtMs: number;
  joining: Answer<Joined> | null;
  syncing: Answer<Share> | null;
}

export interface GroupTimes {
  readonly sessionTimeoutMs: number;
  readonly rebalanceTimeoutMs: number;
}

export class SimulatedGroup {
  generation = 0;
  #state: 'stable' | 'preparing' | 'completing' = 'stable';
  #leader = '';
  #ids = 0;
  #shares: ReadonlyMap<string, Share> = new Map();
  #endJoinTimer = (): void => undefined;
  readonly #members = new Map<string, Member>();

  constructor(
    readonly broker: SimulatedBroker,
    readonly times: GroupTimes,
    readonly onCommit: (entry: CommitEntry, memberId: string) => void,
  ) {}

  get isStable(): boolean {
    return this.#state === 'stable' && this.#members.size > 0;
  }

  get memberIds(): readonly string[] {
    return [...this.#members.keys()];
  }

  join(id: string | null, claims: Claims, answer: Answer<Joined>): void {
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
    shares: ReadonlyMap<string, Share> | null,
    answer: Answer<Share>,
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
    if (shares && this.#state === 'completing') {
      this.#shares = shares;
      this.#state = 'stable';
    }
    if (this.#state !== 'stable') return;
    for (const waiting of this.#members.values()) {
      waiting.syncing?.give(this.#shares.get(waiting.id) ?? {});
      waiting.syncing = null;
    }
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

  /** A coordinator that has come back gives everybody a session's time. */
  restart(): void {
    for (const member of this.#members.values()) this.#touch(member);
  }

  #objection(id: string, generation: number): GroupError | null {
    if (!this.#members.has(id)) return new GroupError('UNKNOWN_MEMBER_ID');
    if (generation !== this.generation) return new GroupError('ILLEGAL_GENERATION');
    return this.#state === 'completing' ? new GroupError('REBALANCE_IN_PROGRESS') : null;
  }

  #add(claims: Claims): Member {
    this.#ids += 1;
    const id = `member-${this.#ids}`;
    const seenAtMs = this.broker.time.nowMs;
    const member = { id, claims, seenAtMs, joining: null, syncing: null };
    this.#members.set(id, member);
    this.#watch(member, this.times.sessionTimeoutMs);
    return member;
  }

  #touch(member: Member): void {
    member.seenAtMs = this.broker.time.nowMs;
  }

  /** Whoever is silent for a session's time is expelled; who waits for the join's end is not silent. */
  #watch(member: Member, inMs: number): void {
    const { time } = this.broker;
    time.after(inMs, () => {
      if (this.#members.get(member.id) !== member) return;
      if (member.joining || this.broker.isDown) this.#touch(member);
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
      return;
    }
    if (this.#state === 'preparing') this.#completeIfAllJoined();
    else this.#prepare();
  }

  #prepare(): void {
    this.#state = 'preparing';
    for (const member of this.#members.values()) {
      member.syncing?.refuse(new GroupError('REBALANCE_IN_PROGRESS'));
      member.syncing = null;
    }
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
