/** Logs a member's share of the partitions; that it has none, once, until it has some again. */
import type { Logger } from '../../process/logger';
import type { Assignment } from '../../kafka/client-port';
import type { AnySubscription } from '../subscription';

export class GroupLog {
  readonly #logger: Logger;
  readonly #subscriptions: ReadonlyMap<string, AnySubscription>;
  #saidIdle = false;

  constructor(logger: Logger, subscriptions: ReadonlyMap<string, AnySubscription>) {
    this.#logger = logger;
    this.#subscriptions = subscriptions;
  }

  /** @param kept partitions that it had before. */
  joined({ epoch, partitions }: Assignment, kept: number): void {
    const count = partitions.filter(({ topic }) => this.#isWork(topic)).length;
    const fields = { event: 'group.joined', epoch, partitions: count, kept };
    this.#logger.info(fields, 'joined the group');
    if (count > 0) this.#saidIdle = false;
    if (count > 0 || this.#saidIdle) return;
    this.#saidIdle = true;
    this.#logger.info(
      { event: 'group.idle' },
      'waits idle: the group has at least as many members as partitions, and takes over when one leaves',
    );
  }

  /** Topics that every member reads are no share of the work, and retry topics do not measure it. */
  #isWork(topic: string): boolean {
    const subscription = this.#subscriptions.get(topic);
    return subscription?.readers !== 'every-member' && subscription?.retry === undefined;
  }
}
