/**
 * Reads a topic that holds the progress of sweeps. Any writer with the right may write anything there. A record that
 * cannot be right is passed over: its shard begins at its first row, which costs time and nothing else. A lane that
 * halted for it would halt again at each start, since such a record stays until another one has its key.
 */
import type { Logger } from '../process/logger';
import type { ConsumedRecord } from './subscription';
import { UndecodableRecordError } from './poison';

/** Bytes that are no value of the topic's schema, and never will be. */
export class Unreadable {
  constructor(readonly reason: string) {}
}

type StateRecord = Pick<ConsumedRecord<unknown>, 'topic' | 'partition' | 'offset' | 'key'>;

export interface StateReading<Value> {
  readonly decode: (bytes: Buffer) => Promise<Value>;
  /** @returns why the record is not to be believed, as half a sentence about it; undefined when it is. */
  readonly refuse: (record: StateRecord, value: Value) => string | undefined;
  readonly logger: Logger;
}

interface StateReader<Value> {
  /** @throws what may lie with us or the registry: that is waited for. */
  decode(bytes: Buffer | null): Promise<Value | Unreadable | null>;
  /** Null also for what is passed over, which is logged. */
  believe(record: StateRecord & { readonly value: Value | Unreadable | null }): Value | null;
}

export function createStateReader<Value>({
  decode,
  refuse,
  logger,
}: StateReading<Value>): StateReader<Value> {
  return {
    decode: async (bytes) => {
      if (bytes === null) return null;
      return decode(bytes).catch((error: unknown) => {
        if (error instanceof UndecodableRecordError && error.poison !== null) {
          return new Unreadable(error.message);
        }
        throw error;
      });
    },
    believe: (record) => {
      const { topic, partition, offset, value } = record;
      if (value === null) return null;
      const isRead = !(value instanceof Unreadable);
      const reason = isRead ? refuse(record, value) : value.reason;
      if (isRead && reason === undefined) return value;
      logger.warn(
        { event: 'state.passed-over', topic, partition, offset, reason },
        'a record of a state topic is passed over; look at who may write there',
      );
      return null;
    },
  };
}
