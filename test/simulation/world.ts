/** Everything in one simulation that is outside the processes. */
import { BrokerFaults } from './brokers/broker-faults';
import type { CommitEntry } from '../../lib/kafka/client-port';
import { Brokers } from './brokers/brokers';
import { Checks } from './checks';
import type { Library } from './library';
import type { Plan } from './plan';
import { SeededRandom } from './random';
import { SimulatedBroker } from './simulated-broker';
import { SimulatedGroup } from './simulated-group';
import { SimulatedStore } from './simulated-store';
import { VirtualTime } from './virtual-time';

export class World {
  readonly time = new VirtualTime();
  readonly random: SeededRandom;
  readonly broker: SimulatedBroker;
  /** Of the one broker. */
  readonly oneBrokersGroup: SimulatedGroup;
  /** Null: there is one broker. */
  readonly brokers: Brokers | null;
  readonly #faults: BrokerFaults | null;
  readonly store: SimulatedStore;
  readonly registry: SimulatedStore;
  /** Where copies of failed records are written. */
  readonly letterServer = { isDown: false, isQuiet: false };
  readonly checks: Checks;
  /** The events so far, on request. */
  readonly story: string[] = [];

  constructor(
    readonly plan: Plan,
    readonly library: Library,
    readonly isTraced: boolean,
  ) {
    this.random = new SeededRandom(plan.seed ^ 0x5eed);
    const { time, random } = this;
    this.broker = new SimulatedBroker(time, random.fork(), plan.network);
    this.checks = new Checks(this.broker, plan.keepsOrder, plan.failures !== null, (line) => {
      if (isTraced) this.story.push(`${time.nowMs.toFixed(1).padStart(9)} ${line}`);
    });
    const { broker } = this;
    const onCommit = (entry: CommitEntry, memberId: string): void =>
      this.checks.committed(entry, memberId);
    const server = { broker, isAway: () => broker.isDown, canStore: () => true };
    this.oneBrokersGroup = new SimulatedGroup(server, plan.settings, {}, onCommit);
    this.store = new SimulatedStore(time, random.fork(), plan.store, 'postgres');
    this.registry = new SimulatedStore(time, random.fork(), plan.registry, 'registry');
    for (const at of plan.partitions) this.broker.log(at);
    this.brokers = this.#createBrokers(onCommit);
    this.#faults =
      this.brokers && plan.brokers
        ? new BrokerFaults(this.brokers, plan.brokers, this.checks.trace)
        : null;
  }

  get group(): Pick<SimulatedGroup, 'isStable' | 'memberIds' | 'restart'> {
    return this.brokers?.group ?? this.oneBrokersGroup;
  }

  /** No fault begins any more. */
  get isQuiet(): boolean {
    return this.broker.isQuiet;
  }

  begin(): void {
    this.#produce();
    this.#faults?.begin();
  }

  #produce(): void {
    for (const { atMs, topic, partition, key, bytes, gap, marker, isPoison } of this.plan
      .productions) {
      this.time.after(atMs, () => {
        const log = this.broker.log({ topic, partition });
        log.appendGap(gap);
        const value = Buffer.alloc(bytes, 0);
        if (isPoison) value[0] = 1;
        log.append({ key: key === null ? null : Buffer.from(key), value, timestampMs: 0 });
        if (marker) log.appendMarker();
      });
    }
  }

  becomeQuiet(): void {
    this.checks.trace('nothing goes wrong any more');
    for (const faulty of [this.broker, this.store, this.registry, this.letterServer]) {
      faulty.isQuiet = true;
      faulty.isDown = false;
    }
    this.group.restart();
    this.#faults?.becomeQuiet();
  }

  #createBrokers(onCommit: (entry: CommitEntry, memberId: string) => void): Brokers | null {
    const { plan, broker } = this;
    if (!plan.brokers) return null;
    const brokers = new Brokers(broker, this.random.fork(), plan.brokers);
    const server = {
      broker,
      isAway: () => !brokers.coordinator.isUp,
      canStore: () => !brokers.refusesCommits,
    };
    brokers.group = new SimulatedGroup(server, plan.settings, Buffer.alloc(0), onCommit);
    brokers.begin();
    return brokers;
  }
}
