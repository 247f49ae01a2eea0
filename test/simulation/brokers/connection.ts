/**
 * One connection of a process to a broker: requests are answered in order, so that everything waits behind a join. A
 * request that was sent is carried out, even if its sender no longer waits.
 */
import type { Host } from '../host';
import type { SeededRandom } from '../random';
import type { Answer, NetworkPlan } from '../simulated-broker';
import type { Node } from './node';
import { hungUp, refused, silence } from './protocol-error';

export interface Network {
  readonly plan: NetworkPlan;
  readonly random: SeededRandom;
  readonly isQuiet: () => boolean;
  readonly losesAnswers: () => boolean;
}

export type Serve<T> = (answer: Answer<T>) => void;

/** In which order they are served, once they have arrived. */
interface Arrived {
  readonly serve: (whenAnswered: () => void) => void;
}

const connectLimitMs = 900;

export class Connection {
  /** Set by our hooks, of the session's time. */
  readonly requestQueue = { requestTimeout: 3_000 };
  readonly #host: Host;
  readonly #node: Node;
  readonly #network: Network;
  readonly #pending = new Set<(error: Error) => void>();
  #isOpen = false;
  #opening: Promise<void> | null = null;
  /** Grows when it is closed: answers from before are dropped. */
  #life = 0;
  #arrived: Arrived[] = [];
  #isServing = false;
  #arrivesAtMs = 0;

  constructor(host: Host, node: Node, network: Network) {
    this.#host = host;
    this.#node = node;
    this.#network = network;
  }

  isConnected(): boolean {
    return this.#isOpen;
  }

  connect(): Promise<void> {
    if (this.#isOpen) return Promise.resolve();
    this.#opening ??= this.#open().finally(() => (this.#opening = null));
    return this.#opening;
  }

  disconnect(): Promise<void> {
    this.#close();
    this.rejectRequests(hungUp(this.#node.id));
    return Promise.resolve();
  }

  rejectRequests(error: Error): void {
    for (const reject of [...this.#pending]) reject(error);
  }

  /** The broker has died. */
  breakOff(): void {
    this.#close();
    const [...waiting] = this.#pending;
    const error = hungUp(this.#node.id);
    if (!this.#host.isCutOff) {
      this.#host.after(this.#latencyMs(), () => waiting.forEach((reject) => reject(error)));
    }
  }

  /** @param isOfGroup its answer gets lost when those of the group do. */
  async request<T>(
    serve: Serve<T>,
    { limitMs = this.requestQueue.requestTimeout, isOfGroup = false } = {},
  ): Promise<T> {
    if (!this.#isOpen) await this.connect();
    return new Promise((resolve, reject) => {
      let endLimit = (): void => undefined;
      const settled = (): void => {
        endLimit();
        this.#pending.delete(fail);
      };
      const fail = (error: Error): void => {
        settled();
        reject(error);
      };
      this.#pending.add(fail);
      endLimit = this.#host.after(limitMs, () => fail(silence(this.#node.id)));
      this.#send(serve, isOfGroup, fail, {
        give: (value) => {
          settled();
          resolve(value);
        },
        refuse: fail,
      });
    });
  }

  #send<T>(
    serve: Serve<T>,
    isOfGroup: boolean,
    fail: (error: Error) => void,
    answer: Answer<T>,
  ): void {
    const life = this.#life;
    const { time } = this.#host;
    const isLost = this.#isLost();
    const isRequestLost = isLost && this.#network.random.chance(0.5);
    // In the order in which they were sent.
    this.#arrivesAtMs = Math.max(this.#arrivesAtMs, time.nowMs + this.#latencyMs());
    time.after(this.#arrivesAtMs - time.nowMs, () => {
      if (this.#host.isCutOff || isRequestLost) return;
      if (this.#node.isDead) {
        this.#host.after(this.#latencyMs(), () => fail(hungUp(this.#node.id)));
        return;
      }
      this.#node.whenUp(() => {
        this.#enqueue(life, (whenAnswered) => {
          const back = (how: () => void): void =>
            this.#node.whenUp(() => {
              whenAnswered();
              if (this.#host.isCutOff) return;
              if (isLost || (isOfGroup && this.#network.losesAnswers())) this.#breakAnswer(life);
              else this.#host.after(this.#latencyMs(), how);
            });
          serve({
            give: (value) => back(() => answer.give(value)),
            refuse: (error) => back(() => answer.refuse(error)),
          });
        });
      });
    });
  }

  #enqueue(life: number, serve: Arrived['serve']): void {
    // The connection is closed, but the request had arrived: it is carried out, and the answer is dropped.
    if (life !== this.#life) {
      serve(() => undefined);
      return;
    }
    this.#arrived.push({ serve });
    this.#serveNext(life);
  }

  #serveNext(life: number): void {
    if (this.#isServing || life !== this.#life) return;
    const next = this.#arrived.shift();
    if (!next) return;
    this.#isServing = true;
    next.serve(() => {
      if (life !== this.#life) return;
      this.#isServing = false;
      this.#serveNext(life);
    });
  }

  /** Half of the lost answers are a broken connection, the others never arrive. */
  #breakAnswer(life: number): void {
    if (this.#network.random.chance(0.5) || life !== this.#life) return;
    this.breakOff();
  }

  #open(): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = this.#host.after(connectLimitMs, () => reject(silence(this.#node.id)));
      this.#host.time.after(2 * this.#latencyMs(), () => {
        if (this.#host.isCutOff) return;
        if (this.#node.isDead) {
          this.#host.after(this.#latencyMs(), () => {
            end();
            reject(refused(this.#node.id));
          });
          return;
        }
        this.#node.whenUp(() =>
          this.#host.after(this.#latencyMs(), () => {
            end();
            this.#isOpen = true;
            this.#node.peers.add(this);
            resolve();
          }),
        );
      });
    });
  }

  #close(): void {
    this.#isOpen = false;
    this.#life += 1;
    this.#arrived = [];
    this.#isServing = false;
    this.#node.peers.delete(this);
  }

  #isLost(): boolean {
    const { plan, random, isQuiet } = this.#network;
    return plan.losses > 0 && !isQuiet() && random.chance(plan.losses);
  }

  #latencyMs(): number {
    const { plan, random, isQuiet } = this.#network;
    const isSpike = plan.spikes > 0 && !isQuiet() && random.chance(plan.spikes);
    return random.between(0.1, isSpike ? plan.spikeMs : plan.latencyMs);
  }
}
