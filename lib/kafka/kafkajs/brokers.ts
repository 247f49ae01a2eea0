/**
 * Which broker to ask: a silent broker is disconnected and avoided until it has had time to recover.
 *
 * kafkajs takes any open connection for a good one. A connection to a frozen process, or to a machine that vanished
 * without closing it, stays open for minutes: every request goes there again and waits for its time limit.
 */
import { KafkaJSConnectionError } from 'kafkajs';
import type { Clock } from '../../process/clock';
import type { InnerBroker, InnerCluster } from './internals';
import { isSilence, isUnreachable } from './client-errors';
import { limited } from './limited';
import { asError } from '../../process/is-error';

/** A silent broker is asked again no earlier than this, and then before others. */
const avoidedMs = 5_000;
/** So many are asked at once, since one answer is enough: the more, the less a frozen one matters. */
const askedAtOnce = 3;

export class Brokers {
  readonly #silentUntilMs = new WeakMap<InnerBroker, number>();
  /** A broker answers the requests of a connection in order, so everything waits behind a join. */
  readonly #joining = new WeakSet<InnerBroker>();

  constructor(
    readonly cluster: InnerCluster,
    readonly clock: Clock,
    readonly nowMs: () => number,
    readonly random: () => number,
  ) {
    const { brokerPool } = cluster;
    const findConnectedBroker = brokerPool.findConnectedBroker.bind(brokerPool);
    brokerPool.findConnectedBroker = () => {
      const talking = this.#inTurn().find((one) => one.isConnected() && !this.#isSilent(one));
      return talking ? Promise.resolve(talking) : findConnectedBroker();
    };
  }

  /**
   * Asks several brokers at once. @returns the first answer.
   * @throws the refusal of a broker; else, when none has answered in time, the error of one of them.
   */
  async ask<T>(limitMs: number, question: (broker: InnerBroker) => Promise<T>): Promise<T> {
    const known = this.#inTurn();
    const asked = known.filter((one) => !this.#joining.has(one)).slice(0, askedAtOnce);
    if (asked.length === 0 && known.length > 0) {
      throw new KafkaJSConnectionError('Every broker that is known has a join to answer first');
    }
    if (asked.length === 0) {
      // No broker is known, so the configured addresses are asked for the list.
      await limited(this.clock, limitMs, this.cluster.refreshMetadata());
      asked.push(...this.#inTurn().slice(0, askedAtOnce));
    }
    const answers = asked.map(async (broker) => {
      const work = this.connected(broker).then(question);
      try {
        return await limited(this.clock, limitMs, work);
      } catch (error) {
        if (isSilence(error)) this.cutOff(broker);
        throw error;
      }
    });
    try {
      return await Promise.any(answers);
    } catch (error) {
      const errors = (error as AggregateError).errors.map(asError);
      throw errors.find((one) => !isUnreachable(one)) ?? asError(errors.at(-1));
    }
  }

  /** While a join waits there, silence on that connection says nothing. */
  async whileJoining<T>(broker: InnerBroker, join: () => Promise<T>): Promise<T> {
    this.#joining.add(broker);
    try {
      return await join();
    } finally {
      this.#joining.delete(broker);
    }
  }

  hasJoin(broker: InnerBroker): boolean {
    return this.#joining.has(broker);
  }

  /** The broker has not answered in time: every other request on that connection is given up as well. */
  cutOff(broker: InnerBroker): void {
    this.#silentUntilMs.set(broker, this.nowMs() + avoidedMs);
    const error = new KafkaJSConnectionError('The broker did not answer in time', {
      broker: String(broker.nodeId),
    });
    for (const connection of broker.connectionPool.pool) {
      connection.rejectRequests(error);
      connection.disconnect().catch(() => undefined);
    }
  }

  /** The brokers and the leaders of partitions: read again by the first caller that needs them. */
  refresh(): void {
    this.cluster.refreshMetadata().catch(() => undefined);
  }

  async connected(broker: InnerBroker): Promise<InnerBroker> {
    if (!broker.isConnected()) {
      await this.cluster.findBroker({ nodeId: String(broker.nodeId) });
    }
    return broker;
  }

  #isSilent(broker: InnerBroker): boolean {
    return this.nowMs() < (this.#silentUntilMs.get(broker) ?? -Infinity);
  }

  /** In any order, except that a broker that answers comes first and a silent one last. */
  #inTurn(): InnerBroker[] {
    const rank = (one: InnerBroker): number => {
      if (this.#isSilent(one)) return 2;
      return one.isConnected() ? 0 : 1;
    };
    const shuffled = Object.values(this.cluster.brokerPool.brokers)
      .map((broker) => ({ broker, at: rank(broker) + this.random() / 2 }))
      .sort((a, b) => a.at - b.at);
    return shuffled.map(({ broker }) => broker);
  }
}
