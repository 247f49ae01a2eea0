/** The subscriptions of a subscription's retry topics: the same work, after a delay. */
import type { AnySubscription } from '../subscription';

/** @returns the subscription itself and one for each of its retry topics. */
export function withRetryTopics(subscription: AnySubscription): AnySubscription[] {
  const retryTopics = subscription.failures?.retryTopics ?? [];
  return [
    subscription,
    ...retryTopics.map(({ topic, delayMs }, level): AnySubscription => {
      const own: Record<string, unknown> = { ...subscription, topic, retry: { level, delayMs } };
      // Their callbacks are about the partitions of the topic itself.
      for (const hook of hooks) Reflect.deleteProperty(own, hook);
      return own as unknown as AnySubscription;
    }),
  ];
}

const hooks = ['onAssigned', 'onCaughtUp', 'onDraining', 'onKept', 'onLost'];
