/** Subscribes to `afterbuild.control`: every instance of a process reads it whole before it begins to work. */
import { done } from '../runtime/outcome';
import type { RecordHeaders } from '../kafka/header-text';
import type { AnySubscription, Subscription } from '../runtime/subscription';
import type { Control } from '../../schemas/generated';

export interface Decision {
  readonly key: string | null;
  /** Null removes the decision under the key. */
  readonly value: Control | null;
}

interface DecisionsOptions {
  /** Full name, namespace included. */
  readonly topic: string;
  readonly decode: (bytes: Buffer, headers: RecordHeaders) => Control | Promise<Control>;
  /** In the order of the topic, each once, even when the topic is read again after a rebalance. */
  readonly onDecision: (decision: Decision) => void;
  /** The topic was created anew: no earlier decision holds. */
  readonly onForgotten: () => void;
  /** All decisions made before this process began are known. */
  readonly onCaughtUp: () => void;
}

export function decisionsSubscription(options: DecisionsOptions): AnySubscription {
  const { topic, decode, onDecision, onForgotten, onCaughtUp } = options;
  /** If old decisions were applied again, a removed pause would hold for a moment, or a later one would not. */
  let knownBelow = 0;
  const subscription: Subscription<Control | null> = {
    topic,
    start: 'beginning',
    readers: 'every-member',
    maxRecords: 100,
    // In the log's order: of two decisions under one key the later one holds.
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
