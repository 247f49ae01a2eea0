/**
 * Changes the fetches of kafkajs so that one broker does not hold up the group.
 *
 * - kafkajs asks the same number of bytes of every partition, for ever; here each partition is asked for what its
 *   answers can bring.
 * - A moved leader makes kafkajs join again, which stops the whole group; a leader that is silent or gone is asked
 *   again and again, without a look at the present leader. Here such a fetch brings nothing, and the next one asks the
 *   leader of that moment.
 * - A join, or a stop, waits for every fetch under way, and a frozen broker answers none. Such fetches are given up:
 *   their records come again, since none of them was taken.
 */
import type { Clock } from '../../process/clock';
import { within } from '../../process/within';
import { isUnreachable, typeOf } from './client-errors';
import type { FetchAnswer, FetchSizes } from './fetch-sizes';
import type { FetchRequest, InnerBroker, InnerCluster } from './internals';
import { asError } from '../../process/is-error';

const movedTypes = new Set([
  'NOT_LEADER_FOR_PARTITION',
  'LEADER_NOT_AVAILABLE',
  'FENCED_LEADER_EPOCH',
  'UNKNOWN_LEADER_EPOCH',
  'REPLICA_NOT_AVAILABLE',
]);
const refreshLimitMs = 3_000;
/** The metadata may still name the former leader. */
const pauseMs = 200;

export class Fetches {
  readonly #guarded = new WeakSet<InnerBroker>();
  readonly #underWay = new Set<() => void>();

  constructor(
    readonly cluster: InnerCluster,
    readonly sizes: FetchSizes,
    readonly clock: Clock,
  ) {}

  guard(broker: InnerBroker): InnerBroker {
    if (this.#guarded.has(broker)) return broker;
    this.#guarded.add(broker);
    const fetch = broker.fetch.bind(broker);
    broker.fetch = (request) => this.#orNothing(this.#fetch(fetch, request));
    return broker;
  }

  /** They end at once and bring nothing. */
  giveUp(): void {
    for (const end of this.#underWay) end();
  }

  #orNothing(fetching: Promise<FetchAnswer>): Promise<FetchAnswer> {
    return new Promise((resolve, reject) => {
      const end = (): void => resolve({ responses: [] });
      this.#underWay.add(end);
      fetching.then(resolve, reject).finally(() => this.#underWay.delete(end));
    });
  }

  async #fetch(fetch: InnerBroker['fetch'], request: FetchRequest): Promise<FetchAnswer> {
    try {
      const answer = (await fetch(this.sizes.sized(request))) as FetchAnswer;
      this.sizes.measure(answer);
      return answer;
    } catch (error) {
      const { clock, cluster } = this;
      const isElsewhere = movedTypes.has(typeOf(asError(error)));
      if (!isElsewhere && !isUnreachable(asError(error))) throw error;
      const refreshed = cluster.refreshMetadata().catch(() => undefined);
      await within(clock, refreshLimitMs, refreshed, undefined);
      await clock.sleep(pauseMs);
      return { responses: [] };
    }
  }
}
