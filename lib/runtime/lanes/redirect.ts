/** Sends failed records to their retry or dead-letter topic; only then do the originals count as finished. */
import type { Admission } from '../failures/admission';
import type { LaneLog } from './lane-log';
import type { FailurePublisher, Sender } from '../failures/failure-publisher';
import { asError } from '../../process/is-error';
import type { BatchResult } from './batch-result';
import type { RuntimeObserver } from '../observer';

interface RedirectContext {
  readonly admission: Admission;
  readonly publisher: Pick<FailurePublisher, 'send'>;
  readonly failureRun: FailureRun;
  readonly observer: RuntimeObserver;
}

export const publisherNeeds = ['dead-letters'] as const;

/**
 * When the copies cannot be written the records stay where they are: their producer is unavailable. A record that the
 * producer refuses, or that could not be encoded, needs an operator, and holds up its own lane only.
 */
export async function redirect(
  context: RedirectContext,
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

/**
 * Counts failed records in a row. When nothing succeeds between them, the fault lies in this process, its configuration
 * or its schema rather than in the records: then they stay where they are until an operator looks.
 */
export class FailureRun {
  readonly #max: number;
  #length = 0;

  /** @param max failed records in a row, over all partitions of the process. */
  constructor(max: number) {
    this.#max = max;
  }

  /** No more failed records may be sent before one succeeds. */
  get isOver(): boolean {
    return this.#length >= this.#max;
  }

  failed(records: number): void {
    this.#length += records;
  }

  succeeded(): void {
    this.#length = 0;
  }
}
