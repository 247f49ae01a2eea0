/** Sends failed records to their retry or dead-letter topic; only then do the originals count as finished. */
import type { Admission } from '../failures/admission';
import type { LaneLog } from './lane-log';
import type { Sender } from '../failures/failure-publisher';
import { asError } from '../../process/is-error';
import type { BatchResult } from './batch-result';
import type { LaneContext } from './lane-context';

export const publisherNeeds = ['dead-letters'] as const;

/**
 * When the copies cannot be written the records stay where they are: their producer is unavailable. A record that the
 * producer refuses, or that could not be encoded, needs an operator, and holds up its own lane only.
 */
export async function redirect(
  context: Pick<LaneContext, 'admission' | 'publisher' | 'failureRun' | 'observer'>,
  sender: Sender,
  result: BatchResult,
  log: LaneLog,
): Promise<void> {
  const { admission, publisher, failureRun, observer } = context;
  const isRefusal = (error: Error): boolean => sender.policy.classify(error).kind === 'bug';
  const error = await send(admission, () => publisher.send(sender, result.toPublish), isRefusal);
  if (error) {
    result.wasNotPublished(error, isRefusal(error));
    return;
  }
  failureRun.failed(result.toPublish.length);
  for (const failedRecord of result.toPublish) {
    observer.redirected(
      sender.topic,
      failedRecord.poison === undefined ? 'retry' : 'dead-letter',
      1,
    );
    log.redirected(failedRecord, sender);
  }
  result.wasPublished();
}

/** As the breaker of the producer allows. @returns why it was not sent. */
async function send(
  admission: Admission,
  write: () => Promise<void>,
  isRefusal: (error: Error) => boolean,
): Promise<Error | null> {
  const ticket = admission.enter(publisherNeeds, false);
  if (!ticket) return new Error(admission.heldBy(publisherNeeds, false) ?? 'dead-letters');
  try {
    await write();
  } catch (thrown) {
    const error = asError(thrown);
    if (isRefusal(error)) admission.leave(ticket, [], 0);
    else admission.leave(ticket, [{ dependency: 'dead-letters', error }], 1);
    return error;
  }
  admission.leave(ticket, [], 1);
  // Failed records are rare: a ramp of them might never end.
  admission.answered('dead-letters');
  return null;
}
