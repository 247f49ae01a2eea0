/** One broker: logs, committed offsets, and a network on which requests and answers get lost. */
import type { CommitEntry, TopicPartition } from '../../lib/kafka/client-port';
import type { Host } from './host';
import type { SeededRandom } from './random';
import { SimulatedLog } from './simulated-log';
import type { VirtualTime } from './virtual-time';

export interface NetworkPlan {
  /** One way, at most; a spike takes up to `spikeMs`. */
  readonly latencyMs: number;
  readonly spikeMs: number;
  readonly spikes: number;
  /** Probability that a request, or its answer, is lost. */
  readonly losses: number;
  /** Until a client gives up waiting for an answer. */
  readonly timeoutMs: number;
}

/** Answers once: a value, or an error of the broker. */
export interface Answer<T> {
  give(value: T): void;
  refuse(error: Error): void;
}

export const keyOf = (at: TopicPartition): string => `${at.topic}/${at.partition}`;

type Fate = 'fine' | 'request lost' | 'answer lost';

export class SimulatedBroker {
  readonly logs = new Map<string, SimulatedLog>();
  readonly committed = new Map<string, CommitEntry>();
  isDown = false;
  /** Faults end when the scenario's last part begins. */
  isQuiet = false;

  constructor(
    readonly time: VirtualTime,
    readonly random: SeededRandom,
    readonly network: NetworkPlan,
  ) {}

  log(at: TopicPartition): SimulatedLog {
    let log = this.logs.get(keyOf(at));
    if (!log) this.logs.set(keyOf(at), (log = new SimulatedLog(at)));
    return log;
  }

  /** A request whose answer is known on arrival. */
  call<T>(host: Host, serve: () => T): Promise<T> {
    return this.callLater<T>(host, ({ give, refuse }) => {
      try {
        give(serve());
      } catch (error) {
        refuse(error as Error);
      }
    });
  }

  /** A request that the broker may keep for a while (a join, a fetch that waits). */
  callLater<T>(host: Host, serve: (answer: Answer<T>) => void): Promise<T> {
    return new Promise((resolve, reject) => {
      const fate = this.#fate();
      const lose = (why: string): void => {
        host.after(this.network.timeoutMs, () => reject(new Error(why)));
      };
      const back = (settle: () => void): void => {
        if (fate === 'answer lost' || host.isCutOff || this.isDown) lose('no answer in time');
        else host.after(this.#latencyMs(), settle);
      };
      this.time.after(this.#latencyMs(), () => {
        if (this.isDown) host.after(this.#latencyMs(), () => reject(new Error('ECONNREFUSED')));
        else if (host.isCutOff || fate === 'request lost') lose('no answer in time');
        else {
          serve({
            give: (value) => back(() => resolve(value)),
            refuse: (error) => back(() => reject(error)),
          });
        }
      });
    });
  }

  #fate(): Fate {
    if (this.isQuiet || !this.random.chance(this.network.losses)) return 'fine';
    return this.random.chance(0.5) ? 'request lost' : 'answer lost';
  }

  #latencyMs(): number {
    const { latencyMs, spikeMs, spikes } = this.network;
    const isSpike = !this.isQuiet && this.random.chance(spikes);
    return this.random.between(0.1, isSpike ? spikeMs : latencyMs);
  }
}
