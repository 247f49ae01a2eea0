/** Reads the changes of a table: each is decoded by its writer's schema, read, and handed on to the change path. */
import type { FailurePolicy } from '../runtime/failure-policy';
import type { AnySubscription, Subscription } from '../runtime/subscription';

interface ChangeReading<Change> {
  /** Full name. */
  readonly topic: string;
  readonly decode: (bytes: Buffer | null) => unknown;
  /** @throws UndecodableRecordError. */
  readonly read: (event: unknown) => Change;
  readonly handle: Subscription<Change | null>['handle'];
  readonly failures: FailurePolicy;
}

export function changeSubscription<Change>(reading: ChangeReading<Change>): AnySubscription {
  const { topic, decode, read, handle, failures } = reading;
  const subscription: Subscription<Change | null> = {
    topic,
    start: 'committed',
    maxRecords: 1_000,
    decode: async (bytes) => {
      const event = await decode(bytes);
      return event === null ? null : read(event);
    },
    handle,
    failures,
  };
  return subscription;
}
