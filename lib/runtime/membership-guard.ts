/**
 * Checks the proof of membership immediately before an effect. The check costs a comparison, and is no guarantee: a
 * process can be frozen between the check and the effect (docs/failure-modes.md).
 */
import type { RecordProducer } from '../kafka/producer';
import { WaitError } from './record-errors';
import type { MayBegin } from './subscription';

/** The effect begins when membership is proved again, here or at the record's next holder. */
export const unproved = (): WaitError =>
  new WaitError(
    'Nothing proves that this process is still a member of its group: no effect begins until the group answers.',
    { isUsual: false },
  );

/** @throws WaitError while no effect may begin. */
export function assertMayBegin(mayBegin: MayBegin): void {
  if (!mayBegin()) throw unproved();
}

/** Sends nothing while no effect may begin. */
export const asMember = (producer: RecordProducer, mayBegin: MayBegin): RecordProducer => ({
  connect: () => producer.connect(),
  disconnect: () => producer.disconnect(),
  send: async (records) => {
    assertMayBegin(mayBegin);
    return producer.send(records);
  },
});
