/** Lets the number of slots follow the duration of `handle` calls, if a subscription asks for that. */
import type { Clock } from '../../process/clock';
import { AdaptiveLimit } from './adaptive-limit';
import type { MicroBatch } from './micro-batch';
import type { Outcome } from '../outcome';
import type { Slots } from './slots';
import type { AnySubscription } from '../subscription';

export class AdaptiveConcurrency {
  readonly #slots: Slots;
  readonly #clock: Clock;
  readonly #limit: AdaptiveLimit | null;

  constructor(slots: Slots, subscriptions: readonly AnySubscription[], clock: Clock) {
    this.#slots = slots;
    this.#clock = clock;
    const isAdaptive = subscriptions.some(({ concurrency }) => concurrency === 'adaptive');
    this.#limit = isAdaptive ? new AdaptiveLimit({ max: slots.size }) : null;
    if (this.#limit) slots.setLimit(this.#limit.value, 'latency');
  }

  /** Called when a micro-batch has ended, before its slot is given back. */
  note(
    batch: MicroBatch,
    subscription: AnySubscription,
    outcomes: readonly Outcome[],
    startedAtMs: number,
  ): void {
    if (!this.#limit || subscription.concurrency !== 'adaptive' || outcomes.length === 0) return;
    const errors = outcomes.flatMap((outcome) => ('error' in outcome ? outcome.error : []));
    const value = this.#limit.ended({
      units: unitsOf(batch, subscription),
      startedAtMs,
      endedAtMs: this.#clock.nowMs(),
      failed: errors.length > 0,
      overloaded: errors.some((error) => subscription.isOverload?.(error) ?? false),
      running: this.#slots.running,
    });
    this.#slots.setLimit(value, 'latency');
  }
}

function unitsOf({ records }: MicroBatch, subscription: AnySubscription): number {
  if (!subscription.weigh) return records.length;
  return records.reduce((sum, { value }) => sum + (subscription.weigh?.(value) ?? 0), 0);
}
