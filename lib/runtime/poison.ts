/**
 * The only reasons to dead-letter a record at once. Each lies in the record's own bytes, so that no wait, no repair of
 * a server and no other version of afterbuild can make it readable.
 *
 * Any other failure (an unavailable server, a privilege, a schema that the registry has lost, a schema newer than this
 * process, a bug) is no fault of the record, and dead-lettering would remove a good one.
 */

export const poisonReasons = {
  'no-value': 'the topic carries no tombstones, so a record without a value says nothing',
  'wire-format': "the bytes do not begin as Confluent's wire format does: no schema could be found",
  'not-a-value': 'the schema is known, and the bytes are no value of it: they are damaged',
  'impossible-id': 'an id that no row can have: the effects would be done to something else',
  'impossible-value': 'a value that no row can have: the writer did not read it from a row',
  'too-many-headers': 'over a thousand: none of ours writes so many, and none of them is read',
} as const;

export type PoisonReason = keyof typeof poisonReasons;

/** A record cannot be decoded, or holds what no row can. The message is a reason and never holds any of the payload, since it is logged. */
export class UndecodableRecordError extends Error {
  override readonly name = 'UndecodableRecordError';
  /** Why the record's own bytes are at fault; null when our process, our schema or the registry may be. */
  readonly poison: PoisonReason | null;

  constructor(message: string, poison: PoisonReason | null, options?: ErrorOptions) {
    super(message, options);
    this.poison = poison;
  }
}
