/** One broker of several: up, frozen (it answers when it wakes) or dead, and what it knows of the others. */
import { Power } from '../power';
import type { VirtualTime } from '../virtual-time';

/** Who does what, as one of them knows it: a broker that was away knows what was. */
export interface Roles {
  readonly coordinator: number;
  readonly leaders: ReadonlyMap<string, number>;
  /** Those that the cluster does not take for gone. */
  readonly nodes: readonly number[];
}

/** A connection to the broker, which breaks when the broker dies. */
interface Peer {
  breakOff(): void;
}

export class Node extends Power {
  readonly peers = new Set<Peer>();

  constructor(
    readonly id: number,
    readonly time: VirtualTime,
    public knows: Roles,
  ) {
    super();
  }

  override kill(): void {
    super.kill();
    for (const peer of [...this.peers]) peer.breakOff();
  }

  /** It wakes, or is started again. */
  comeBack(): void {
    for (const act of this.wake()) this.time.after(0, () => this.whenUp(act));
  }
}
