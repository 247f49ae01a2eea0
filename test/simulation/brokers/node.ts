/** One broker of several: up, frozen (it answers when it wakes) or dead, with its knowledge of the others. */
import { Power } from '../power';
import type { VirtualTime } from '../virtual-time';

/** The roles of the brokers in the view of one of them: a broker that was unavailable has old knowledge. */
export interface Roles {
  readonly coordinator: number;
  readonly leaders: ReadonlyMap<string, number>;
  /** Those that the cluster does not count as gone. */
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
