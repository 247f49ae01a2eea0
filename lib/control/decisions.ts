/** `afterbuild.control` as every process reads it: whole, in every instance, before it begins to work. */
import { done } from '../runtime/outcome';
import type { RecordHeaders } from '../kafka/header-text';
import type { AnySubscription, Subscription } from '../runtime/subscription';
import type { Control } from '../../schemas/generated';

export interface Decision {
  readonly key: string | null;
  /** Null takes back what the key names. */
  readonly value: Control | null;
}

export interface DecisionsOptions {
  /** Full name, namespace included. */
  readonly topic: string;
  readonly decode: (bytes: Buffer, headers: RecordHeaders) => Control | Promise<Control>;
  /** In the order of the topic, each once, also when the topic is read again after a rebalance. */
  readonly onDecision: (decision: Decision) => void;
  /** The topic was made anew: nothing that was learned before holds. */
  readonly onForgotten: () => void;
  /** What was decided before we began is known. */
  readonly onCaughtUp: () => void;
}

export function decisionsSubscription(options: DecisionsOptions): AnySubscription {
  const { topic, decode, onDecision, onForgotten, onCaughtUp } = options;
  /** Read from the beginning again, old decisions would stand for a moment: a pause taken back, or one not yet set. */
  let knownBelow = 0;
  const subscription: Subscription<Control | null> = {
    topic,
    start: 'beginning',
    readers: 'every-member',
    maxRecords: 100,
    // In the log's order: of two decisions about one thing the later one stands.
    lanes: 1,
    decode: (bytes, { headerTexts }) => (bytes === null ? null : decode(bytes, headerTexts)),
    onAssigned: (_, { highWatermark }) => {
      if (highWatermark >= knownBelow) return;
      knownBelow = 0;
      onForgotten();
    },
    handle: (records) => {
      for (const { offset, key, value } of records) {
        if (offset < knownBelow) continue;
        knownBelow = offset + 1;
        onDecision({ key, value });
      }
      return Promise.resolve(records.map(() => done));
    },
    onCaughtUp: () => onCaughtUp(),
  };
  return subscription;
}
