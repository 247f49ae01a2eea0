/** Sends failed records to their retry or dead-letter topic; only then do the originals count as finished. */
import type { Gate } from '../failures/admission';
import type { LaneLog } from './lane-log';
import type { Sender } from '../failures/failure-publisher';
import { asError } from '../../process/is-error';
import type { Settlement } from './batch-result';
import type { LaneContext } from './lane-context';

export const letterNeeds = ['dead-letters'] as const;

/**
 * When the copies cannot be written the records stay where they are: their producer is unavailable. A record that the
 * producer refuses, or that could not be encoded, needs an operator, and holds up its own lane only.
 */
export async function putAside(
  around: Pick<LaneContext, 'gate' | 'letters' | 'letterRun' | 'observer'>,
  sender: Sender,
  settlement: Settlement,
  log: LaneLog,
): Promise<void> {
  const { gate, letters, letterRun, observer } = around;
  const isRefusal = (error: Error): boolean => sender.policy.classify(error).kind === 'bug';
  const error = await send(gate, () => letters.send(sender, settlement.letters), isRefusal);
  if (error) {
    settlement.lettersUnsent(error, isRefusal(error));
    return;
  }
  letterRun.lettered(settlement.letters.length);
  for (const letter of settlement.letters) {
    observer.lettered(sender.topic, letter.poison === undefined ? 'retry' : 'dead-letter', 1);
    log.lettered(letter, sender);
  }
  settlement.lettersSent();
}

/** As the breaker of the producer allows. @returns why it was not sent. */
async function send(
  gate: Gate,
  write: () => Promise<void>,
  isRefusal: (error: Error) => boolean,
): Promise<Error | null> {
  const ticket = gate.enter(letterNeeds, false);
  if (!ticket) return new Error(gate.heldBy(letterNeeds, false) ?? 'dead-letters');
  try {
    await write();
  } catch (thrown) {
    const error = asError(thrown);
    if (isRefusal(error)) gate.leave(ticket, [], 0);
    else gate.leave(ticket, [{ dependency: 'dead-letters', error }], 1);
    return error;
  }
  gate.leave(ticket, [], 1);
  // Failed records are rare: a ramp of them might never end.
  gate.answered('dead-letters');
  return null;
}
