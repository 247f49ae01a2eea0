/**
 * Three brokers: which of them coordinates the group, which leads each partition, and how that moves.
 *
 * Logs, committed offsets and the group's last generation are replicated: the broker that takes over has them. Running
 * work of the old coordinator (a rebalance, waiting joins) is not.
 */
import type { SeededRandom } from '../random';
import type { SimulatedBroker } from '../simulated-broker';
import type { SimulatedGroup } from '../simulated-group';
import { Node, type Roles } from './node';

type BrokersGroup = SimulatedGroup<Buffer, Buffer>;

export interface BrokersPlan {
  /** Until an unavailable broker counts as gone, and others take over its work. */
  readonly electionMs: number;
  /** Until all brokers know of a change, at most. */
  readonly spreadMs: number;
  /** A coordinator loads the group first. */
  readonly loadMs: number;
}

export const nodeIds = [1, 2, 3] as const;

export class Brokers {
  readonly nodes: readonly Node[];
  /** The offsets topic has too few replicas in sync. */
  refusesCommits = false;
  /** A join is answered with an error that says nothing about the group. */
  failsJoins = false;
  /** The group carries out the request, and the connection breaks before the answer. */
  losesAnswers = false;
  /** Partitions whose fetches bring no record, although there are some. */
  readonly mute = new Set<string>();
  readonly #leaders = new Map<string, number>();
  readonly #gone = new Set<number>();
  #coordinator = 1;
  #loadedAtMs = 0;
  #group: BrokersGroup | null = null;

  constructor(
    /** Logs, offsets and the network. */
    readonly store: SimulatedBroker,
    readonly random: SeededRandom,
    readonly plan: BrokersPlan,
  ) {
    this.nodes = nodeIds.map((id) => new Node(id, store.time, this.#roles()));
  }

  get group(): BrokersGroup {
    if (!this.#group) throw new Error('The group has not been made yet.');
    return this.#group;
  }

  set group(group: BrokersGroup) {
    this.#group = group;
  }

  get coordinator(): Node {
    return this.node(this.#coordinator);
  }

  get isLoading(): boolean {
    return this.store.time.nowMs < this.#loadedAtMs;
  }

  node(id: number): Node {
    const node = this.nodes[id - 1];
    if (!node) throw new Error(`There is no broker ${id}.`);
    return node;
  }

  leaderOf(key: string): Node {
    return this.node(this.#leaders.get(key) ?? 1);
  }

  /** At the start. */
  begin(): void {
    let next = 0;
    for (const key of this.store.logs.keys()) {
      this.#leaders.set(key, nodeIds[(next += 1) % nodeIds.length] ?? 1);
    }
    for (const node of this.nodes) node.knows = this.#roles();
  }

  moveCoordinator(to: Node): void {
    if (to.id === this.#coordinator || !this.#canBeElected(to)) return;
    this.#coordinator = to.id;
    this.#loadedAtMs = this.store.time.nowMs + this.random.between(0, this.plan.loadMs);
    this.group.move();
    this.#spread();
  }

  moveLeader(key: string, to: Node): void {
    if (!this.#canBeElected(to)) return;
    this.#leaders.set(key, to.id);
    this.#spread();
  }

  /** It dies, or freezes; after a while others take over its work, unless it is back by then. */
  goAway(node: Node, how: 'dies' | 'freezes'): void {
    if (how === 'dies') node.kill();
    else node.freeze();
    const away = node.state;
    this.store.time.after(this.plan.electionMs, () => {
      if (node.state === away) this.#replace(node);
    });
  }

  comeBack(node: Node): void {
    if (node.isUp) return;
    node.comeBack();
    this.#gone.delete(node.id);
    if (node === this.coordinator) this.group.restart();
    this.#spread();
  }

  becomeQuiet(): void {
    this.refusesCommits = false;
    this.failsJoins = false;
    this.losesAnswers = false;
    this.mute.clear();
  }

  /** Includes a frozen one, until it counts as gone. */
  #canBeElected(node: Node): boolean {
    return !node.isDead && !this.#gone.has(node.id);
  }

  #replace(node: Node): void {
    const others = this.nodes.filter((one) => one !== node && one.isUp);
    if (others.length === 0) return;
    this.#gone.add(node.id);
    for (const [key, leader] of this.#leaders) {
      if (leader === node.id) this.#leaders.set(key, this.random.pick(others).id);
    }
    if (node.id === this.#coordinator) this.moveCoordinator(this.random.pick(others));
    this.#spread();
  }

  #roles(): Roles {
    return {
      coordinator: this.#coordinator,
      leaders: new Map(this.#leaders),
      nodes: nodeIds.filter((id) => !this.#gone.has(id)),
    };
  }

  /** One broker after the other learns of it; a frozen one learns of it when it wakes. */
  #spread(): void {
    for (const node of this.nodes) {
      this.store.time.after(this.random.between(0, this.plan.spreadMs), () => {
        node.whenUp(() => {
          const spreadMs = this.random.between(0, this.plan.spreadMs);
          this.store.time.after(spreadMs, () => (node.knows = this.#roles()));
        });
      });
    }
  }
}
