/**
 * The group's coordinator as kafkajs sees it: one object that survives moves, crashes and changed addresses.
 *
 * kafkajs looks for the coordinator at a join only, and keeps the answer: until the next join, heartbeats and commits
 * go to a broker that may be dead, frozen or not the coordinator any more. So every request of the group goes through
 * here. A broker that does not answer, or answers that it is not the coordinator, is forgotten, and the brokers are
 * asked anew before the next request.
 */
import { KafkaJSNonRetriableError } from 'kafkajs';
import type { Clock } from '../../process/clock';
import type { Logger } from '../../process/logger';
import type { Brokers } from './brokers';
import { isSilence, isUnreachable, typeOf } from './client-errors';
import type { InnerBroker } from './internals';
import { limited } from './limited';
import { asError } from '../../process/is-error';

interface CoordinatorOptions {
  readonly groupId: string;
  readonly brokers: Brokers;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Time limit of one look-up, or of one request of the group other than a join. */
  readonly requestLimitMs: number;
}

const askedAgainAfterMs = 200;
const watchedEveryMs = 1_000;
/** A broker's answer may be older than what the coordinator itself knows: two equal answers in a row count. */
const movedAfterAnswers = 2;

const lostTypes = new Set(['NOT_COORDINATOR_FOR_GROUP', 'GROUP_COORDINATOR_NOT_AVAILABLE']);

/** The broker that was asked is not the coordinator, or cannot be reached. */
export const isLost = (error: Error): boolean =>
  isUnreachable(error) || lostTypes.has(typeOf(error));

/** The error passes by itself: the same request can be made again. */
const isPassing = (error: Error): boolean =>
  isLost(error) || typeOf(error) === 'GROUP_LOAD_IN_PROGRESS';

export class Coordinator {
  readonly #options: CoordinatorOptions;
  #broker: InnerBroker | null = null;
  #finding: Promise<InnerBroker> | null = null;
  #isOver = false;
  /** Ends the join that waits for its answer. */
  #endJoin: () => void = () => undefined;

  constructor(options: CoordinatorOptions) {
    this.#options = options;
  }

  /**
   * One attempt. @throws Error when no broker knows the coordinator, or it does not answer; a lost coordinator is
   * forgotten.
   */
  async request<T>(
    send: (broker: InnerBroker) => Promise<T>,
    limitMs = this.#options.requestLimitMs,
  ): Promise<T> {
    const broker = await this.#find();
    try {
      return await limited(this.#options.clock, limitMs, send(broker));
    } catch (error) {
      this.#noteFailure(broker, asError(error));
      throw error;
    }
  }

  /**
   * Tries until the coordinator of the moment answers: for a join, which may take as long as the slowest member. It
   * asks the other brokers meanwhile, to see whether the coordinator has moved.
   */
  async requestUntilAnswered<T>(send: (broker: InnerBroker) => Promise<T>): Promise<T> {
    for (;;) {
      if (this.#isOver) throw new KafkaJSNonRetriableError('The consumer stops.');
      try {
        const broker = await this.#find();
        return await this.#requestWatched(broker, send);
      } catch (error) {
        const passing = asError(error);
        if (!isPassing(passing)) throw error;
        this.#options.logger.debug({ event: 'coordinator.asked-again', err: passing }, 'join');
      }
      await this.#options.clock.sleep(askedAgainAfterMs);
    }
  }

  /** Ends what tries until it is answered: a stop has less time than a join may take. */
  close(): void {
    this.#isOver = true;
    this.#endJoin();
  }

  async #requestWatched<T>(
    broker: InnerBroker,
    send: (broker: InnerBroker) => Promise<T>,
  ): Promise<T> {
    let others = 0;
    this.#endJoin = () => this.#options.brokers.cutOff(broker);
    const endWatch = this.#options.clock.every(watchedEveryMs, () => {
      if (this.#isOver) this.#endJoin();
      void this.#coordinatorNow().then((nodeId) => {
        others = nodeId === null || nodeId === String(broker.nodeId) ? 0 : others + 1;
        // All requests to it end with an error, this one included.
        if (others >= movedAfterAnswers) this.#options.brokers.cutOff(broker);
      });
    });
    try {
      return await this.#options.brokers.whileJoining(broker, () => send(broker));
    } catch (error) {
      this.#noteFailure(broker, asError(error));
      throw error;
    } finally {
      this.#endJoin = () => undefined;
      endWatch();
    }
  }

  #noteFailure(broker: InnerBroker, error: Error): void {
    if (!isLost(error) || (isSilence(error) && this.#options.brokers.hasJoin(broker))) return;
    if (isSilence(error)) this.#options.brokers.cutOff(broker);
    if (this.#broker !== broker) return;
    this.#broker = null;
    this.#options.logger.debug(
      { event: 'coordinator.lost', node: broker.nodeId, err: error },
      'looking for the coordinator of the group',
    );
    // Addresses and leaders may have changed, too.
    this.#options.brokers.refresh();
  }

  #find(): Promise<InnerBroker> {
    if (this.#broker?.isConnected()) return Promise.resolve(this.#broker);
    this.#finding ??= this.#ask().finally(() => (this.#finding = null));
    return this.#finding;
  }

  async #ask(): Promise<InnerBroker> {
    const { brokers, clock, requestLimitMs } = this.#options;
    const nodeId = await this.#whoCoordinates();
    const found = brokers.cluster.findBroker({ nodeId }) as Promise<InnerBroker>;
    this.#broker = await limited(clock, requestLimitMs, found);
    return this.#broker;
  }

  #coordinatorNow(): Promise<string | null> {
    return this.#whoCoordinates().catch(() => null);
  }

  async #whoCoordinates(): Promise<string> {
    const { brokers, groupId, requestLimitMs } = this.#options;
    const asked = await brokers.ask(requestLimitMs, (broker) =>
      broker.findGroupCoordinator({ groupId, coordinatorType: 0 }),
    );
    return String(asked.coordinator.nodeId);
  }
}
