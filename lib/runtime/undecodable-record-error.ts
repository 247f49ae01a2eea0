/** The error for a record that cannot be decoded, independent of any store. */
import type { PoisonReason } from './poison';

/** The message is a reason and never holds any of the payload, since it is logged. */
export class UndecodableRecordError extends Error {
  override readonly name = 'UndecodableRecordError';
  /** Why the record's own bytes are at fault; null when our process, our schema or the registry may be. */
  readonly poison: PoisonReason | null;

  constructor(message: string, poison: PoisonReason | null, options?: ErrorOptions) {
    super(message, options);
    this.poison = poison;
  }
}
