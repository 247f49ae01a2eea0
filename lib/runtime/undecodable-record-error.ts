/** Says that a record cannot be read, whatever the stores do. */
import type { PoisonReason } from './poison';

/** The message is a reason and never holds any of the payload, since it is logged. */
export class UndecodableRecordError extends Error {
  override readonly name = 'UndecodableRecordError';
  /** Why it lies in the record's own bytes; null when it may lie with us, our schema or the registry. */
  readonly poison: PoisonReason | null;

  constructor(message: string, poison: PoisonReason | null, options?: ErrorOptions) {
    super(message, options);
    this.poison = poison;
  }
}
