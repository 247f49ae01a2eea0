/** One broker of several: up, frozen (it answers when it wakes) or dead, and what it knows of the others. */
import type { VirtualTime } from '../virtual-time';

/** Who does what, as one of them knows it: a broker that was away knows what was. */
export interface Roles {
  readonly coordinator: number;
  readonly leaders: ReadonlyMap<string, number>;
  /** Those that the cluster does not take for gone. */
  readonly nodes: readonly number[];
}

/** What is told when a broker dies. */
interface Peer {
  breakOff(): void;
}

export class Node {
  #state: 'up' | 'frozen' | 'dead' = 'up';
  #waiting: (() => void)[] = [];
  readonly peers = new Set<Peer>();

  constructor(
    readonly id: number,
    readonly time: VirtualTime,
    public knows: Roles,
  ) {}

  get state(): 'up' | 'frozen' | 'dead' {
    return this.#state;
  }

  get isUp(): boolean {
    return this.#state === 'up';
  }

  get isDead(): boolean {
    return this.#state === 'dead';
  }

  /** Now, or when it wakes; what a dead one was to do is never done. */
  whenUp(act: () => void): void {
    if (this.#state === 'up') act();
    else if (this.#state === 'frozen') this.#waiting.push(act);
  }

  freeze(): void {
    if (this.#state === 'up') this.#state = 'frozen';
  }

  kill(): void {
    this.#state = 'dead';
    this.#waiting = [];
    for (const peer of [...this.peers]) peer.breakOff();
  }

  /** It wakes, or is started again. */
  comeBack(): void {
    this.#state = 'up';
    for (const act of this.#waiting.splice(0)) this.time.after(0, () => this.whenUp(act));
  }
}
