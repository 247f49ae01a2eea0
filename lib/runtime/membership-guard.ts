/**
 * What asks for a proof of membership immediately before an effect. It costs a comparison, and is no more
 * than it says: a process can be frozen between the question and the effect (docs/failure-modes.md).
 */
import type { RecordProducer } from '../kafka/producer';
import { WaitError } from './record-errors';
import type { MayBegin } from './subscription';

/** It is begun when membership is proved again, here or by whoever has the record then. */
export const unproved = (): WaitError =>
  new WaitError(
    'Nothing proves that this process is still a member of its group: no effect begins until the group answers.',
    { isUsual: false },
  );

/** @throws WaitError while nothing may begin. */
export function assertMayBegin(mayBegin: MayBegin): void {
  if (!mayBegin()) throw unproved();
}

/** Sends nothing while nothing may begin. */
export const asMember = (producer: RecordProducer, mayBegin: MayBegin): RecordProducer => ({
  connect: () => producer.connect(),
  disconnect: () => producer.disconnect(),
  send: async (records) => {
    assertMayBegin(mayBegin);
    return producer.send(records);
  },
});
