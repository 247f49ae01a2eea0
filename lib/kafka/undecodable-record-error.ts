/** Says that a record's own bytes can never be read, which no retry will change. */

/**
 * Thrown by a `decode`; the lane that holds the record stops. The message is a reason and never holds
 * any of the payload, since it is logged.
 */
export class UndecodableRecordError extends Error {
  override readonly name = 'UndecodableRecordError';
}
