/** How a client stays in its group: join, heartbeat, join again when the group demands it. */
import type { MembershipTimes, TopicPartition } from '../../lib/kafka/client-port';
import type { ClientContext } from './client-context';
import { GroupError, type Claims, type Joined, type Share } from './simulated-group';

interface MembershipListener {
  /** Awaited before each join. */
  beforeJoin(): Promise<void>;
  onJoined(memberId: string, partitions: readonly TopicPartition[]): void;
  onRejoining(): void;
}

const heartbeatWhileDrainingMs = 300;
const retryMs = 100;

export class Membership {
  readonly #context: ClientContext;
  readonly #listener: MembershipListener;
  memberId: string | null = null;
  generation = -1;
  heardAtMs = 0;
  #claims: Claims = { generation: -1, owned: {} };
  #joining = false;
  #left = false;
  /** Grows when a crash makes all running work of this membership pointless. */
  #life = 0;
  #endHeartbeats = (): void => undefined;
  #onFirstJoin = (): void => undefined;

  constructor(context: ClientContext, listener: MembershipListener) {
    this.#context = context;
    this.#listener = listener;
  }

  get times(): MembershipTimes {
    return { memberSinceMs: null, joiningSinceMs: null, lastProofSentAtMs: this.heardAtMs };
  }

  get isSettled(): boolean {
    return !this.#joining && this.memberId !== null;
  }

  start(): Promise<void> {
    const joined = new Promise<void>((resolve) => (this.#onFirstJoin = resolve));
    this.#heartbeat();
    void this.#join();
    return joined;
  }

  async leave(): Promise<void> {
    const { broker, group, host } = this.#context;
    this.#left = true;
    this.#endHeartbeats();
    const id = this.memberId;
    if (id !== null) await broker.call(host, () => group.leave(id)).catch(() => undefined);
  }

  /** As another member; the old name leaves. */
  beginAnew(): void {
    const { broker, group, host, random } = this.#context;
    const id = this.memberId;
    this.#life += 1;
    this.memberId = null;
    this.#joining = true;
    if (id !== null) broker.call(host, () => group.leave(id)).catch(() => undefined);
    host.after(random.between(50, 1_000), () => void this.#join());
  }

  #heartbeat(): void {
    const { broker, group, host, settings } = this.#context;
    this.#endHeartbeats = host.every(settings.heartbeatEveryMs, () => {
      const { memberId, generation } = this;
      if (memberId === null || this.#joining) return;
      broker
        .call(host, () => group.heartbeat(memberId, generation))
        .then(() => (this.heardAtMs = host.nowMs()))
        .catch((error: unknown) => {
          const isOld = memberId !== this.memberId || generation !== this.generation;
          if (!(error instanceof GroupError) || isOld || this.#joining || this.#left) return;
          if (error.type === 'UNKNOWN_MEMBER_ID') this.memberId = null;
          void this.#join();
        });
    });
  }

  async #join(): Promise<void> {
    const life = this.#life;
    this.#joining = true;
    for (;;) {
      const share = await this.#tryToJoin().catch((error: unknown) => {
        if (!(error instanceof GroupError)) return null;
        if (error.type === 'UNKNOWN_MEMBER_ID' && life === this.#life) this.memberId = null;
        return null;
      });
      if (this.#isOver(life)) return;
      if (share) {
        this.heardAtMs = this.#context.host.nowMs();
        this.#accept(share);
        return;
      }
      await this.#context.host.sleep(this.#context.random.between(retryMs / 2, retryMs));
      if (this.#isOver(life)) return;
    }
  }

  /** Whether a crash or the end came meanwhile. */
  #isOver(life: number): boolean {
    return this.#left || life !== this.#life;
  }

  async #tryToJoin(): Promise<Share | null> {
    const { broker, group, host } = this.#context;
    const life = this.#life;
    await this.#drain();
    if (this.#isOver(life)) return null;
    this.#listener.onRejoining();
    const id = this.memberId;
    const joined = await broker.callLater<Joined>(host, (answer) =>
      group.join(id, this.#claims, answer),
    );
    if (this.#isOver(life)) return null;
    this.memberId = joined.memberId;
    this.generation = joined.generation;
    const shares = joined.members ? this.#assign(joined.members) : null;
    return await broker.callLater<Share>(host, (answer) =>
      group.sync(joined.memberId, joined.generation, shares, answer),
    );
  }

  /** Heartbeats meanwhile, as in the adapter; errors of the group do not matter. */
  async #drain(): Promise<void> {
    const { broker, group, host } = this.#context;
    const { memberId, generation } = this;
    const endBeats = host.every(heartbeatWhileDrainingMs, () => {
      if (memberId === null) return;
      broker.call(host, () => group.heartbeat(memberId, generation)).catch(() => undefined);
    });
    await this.#listener.beforeJoin();
    endBeats();
  }

  #assign(members: NonNullable<Joined['members']>): ReadonlyMap<string, Share> {
    const { broker, library, topics } = this.#context;
    const shapes = topics.map(({ topic, everyMember }) => ({
      topic,
      everyMember,
      partitions: [...broker.logs.values()]
        .filter(({ at }) => at.topic === topic)
        .map(({ at }) => at.partition),
    }));
    return library.assignPartitions(
      members.map(({ id, claims }) => ({
        id,
        topics: topics.map(({ topic }) => topic),
        ...claims,
      })),
      shapes,
    );
  }

  #accept(share: Share): void {
    this.#joining = false;
    this.#claims = { generation: this.generation, owned: share };
    const partitions = Object.entries(share).flatMap(([topic, numbers]) =>
      numbers.map((partition) => ({ topic, partition })),
    );
    this.#listener.onJoined(this.memberId ?? '', partitions);
    this.#onFirstJoin();
  }
}
