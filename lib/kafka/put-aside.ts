/** Copies first: what cannot be handled goes on to its retry or dead-letter topic, and only then is it finished. */
import type { LaneLog } from './lane-log';
import type { Sender } from './letters';
import { asError } from './micro-batch';
import type { Settlement } from './settlement';
import type { Surroundings } from './surroundings';

/** When the copies cannot be written the records stay where they are: their producer is what is away. */
export async function putAside(
  { letters, letterRun, observer }: Pick<Surroundings, 'letters' | 'letterRun' | 'observer'>,
  sender: Sender,
  settlement: Settlement,
  log: LaneLog,
): Promise<void> {
  try {
    await letters.send(sender, settlement.letters);
  } catch (thrown) {
    const error = asError(thrown);
    settlement.retry ??= error;
    settlement.absent.push({ dependency: 'dead-letters', error });
    return;
  }
  letterRun.lettered(settlement.letters.length);
  for (const letter of settlement.letters) {
    observer.lettered(sender.topic, letter.poison === undefined ? 'retry' : 'dead-letter', 1);
    log.lettered(letter);
  }
  settlement.lettersSent();
}
