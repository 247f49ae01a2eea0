/** Lets the brokers of a seed fail, one of them at a time: two of three are needed to elect a leader. */
import type { VirtualTime } from '../virtual-time';
import type { Brokers } from './brokers';
import type { Node } from './node';
import type { BrokerFault, BrokerFaultKind, SeveralBrokers } from './faults-of-brokers';

type Flag = 'refusesCommits' | 'failsJoins' | 'losesAnswers';

interface Struck {
  readonly node: Node;
  readonly key: string;
  readonly forMs: number;
}

/** If longer, every join of that time fails, and the seed proves nothing. */
const answersLostMs = 1_500;

export class BrokerFaults {
  readonly #brokers: Brokers;
  readonly #plan: SeveralBrokers;
  readonly #time: VirtualTime;
  readonly #trace: (line: string) => void;
  readonly #faults: Readonly<Record<BrokerFaultKind, (struck: Struck) => void>> = {
    'coordinator moves': ({ node }) => this.#brokers.moveCoordinator(node),
    'coordinator moves onto a frozen broker': ({ node, forMs }) => {
      this.#brokers.moveCoordinator(node);
      this.#takeAway(node, 'freezes', forMs);
    },
    'coordinator moves, joins fail': ({ node, forMs }) => {
      this.#brokers.moveCoordinator(node);
      this.#set('failsJoins', forMs);
    },
    'broker dies': ({ node, forMs }) => this.#takeAway(node, 'dies', forMs),
    'broker freezes': ({ node, forMs }) => this.#takeAway(node, 'freezes', forMs),
    'every broker dies': ({ forMs }) => this.#takeAllAway(forMs),
    'leader moves': ({ node, key }) => this.#brokers.moveLeader(key, node),
    'commits refused': ({ forMs }) => this.#set('refusesCommits', forMs),
    'answers lost': ({ forMs }) => this.#set('losesAnswers', Math.min(forMs, answersLostMs)),
    'fetches bring nothing': ({ key, forMs }) => {
      this.#brokers.mute.add(key);
      this.#time.after(forMs, () => this.#brokers.mute.delete(key));
    },
  };
  #away: Node | null = null;
  #isQuiet = false;

  constructor(brokers: Brokers, plan: SeveralBrokers, trace: (line: string) => void) {
    this.#brokers = brokers;
    this.#plan = plan;
    this.#time = brokers.store.time;
    this.#trace = trace;
  }

  begin(): void {
    for (const fault of this.#plan.faults) {
      this.#time.after(fault.atMs, () => this.#inflict(fault));
    }
  }

  /** The last fault: one broker stays unavailable, or none at all. */
  becomeQuiet(): void {
    this.#isQuiet = true;
    this.#brokers.becomeQuiet();
    const { staysAway } = this.#plan;
    if (this.#away) this.#allBack();
    if (staysAway === null) return;
    const { coordinator } = this.#brokers;
    this.#trace(`broker ${coordinator.id}, the coordinator, ${staysAway} for good`);
    this.#brokers.goAway(coordinator, staysAway);
  }

  #inflict(fault: BrokerFault): void {
    const { kind, node: id, pick, forMs } = fault;
    const keys = [...this.#brokers.store.logs.keys()];
    const key = keys[pick % keys.length] ?? '';
    this.#trace(`fault: ${kind}, broker ${id}, ${key}, for ${forMs.toFixed(0)} ms`);
    this.#faults[kind]({ node: this.#brokers.node(id), key, forMs });
  }

  #takeAway(node: Node, how: 'dies' | 'freezes', forMs: number): void {
    if (this.#away) return;
    this.#away = node;
    this.#brokers.goAway(node, how);
    this.#time.after(forMs, () => {
      if (!this.#isQuiet && this.#away === node) this.#comeBack(node);
    });
  }

  /** Producers find no broker either. */
  #takeAllAway(forMs: number): void {
    const { nodes, store } = this.#brokers;
    if (this.#away) return;
    this.#away = nodes[0] ?? null;
    store.isDown = true;
    for (const node of nodes) this.#brokers.goAway(node, 'dies');
    this.#time.after(forMs, () => {
      if (!this.#isQuiet) this.#allBack();
    });
  }

  #allBack(): void {
    this.#away = null;
    this.#trace('every broker is back');
    this.#brokers.store.isDown = false;
    for (const node of this.#brokers.nodes) this.#brokers.comeBack(node);
  }

  #comeBack(node: Node): void {
    this.#away = null;
    this.#trace(`broker ${node.id} is back`);
    this.#brokers.comeBack(node);
  }

  #set(flag: Flag, forMs: number): void {
    this.#brokers[flag] = true;
    this.#time.after(forMs, () => (this.#brokers[flag] = false));
  }
}
