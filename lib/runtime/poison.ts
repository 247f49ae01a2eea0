/**
 * The only reasons for which a record is dead-lettered at once: each lies in the record's own bytes, so
 * that no wait, no repair of a server and no other version of ours can make it readable.
 *
 * Everything else (a server that is away, a privilege, a schema that the registry has lost, a schema that
 * is newer than this process, a bug of ours) is about us, and a good record would be thrown out for it.
 */
export const poisonReasons = {
  'no-value': 'the topic carries no tombstones, so a record without a value says nothing',
  'wire-format': "the bytes do not begin as Confluent's wire format does: no schema could be found",
  'not-a-value': 'the schema is known, and the bytes are no value of it: they are damaged',
  'impossible-id': 'an id that no row can have: the effects would be done to something else',
  'impossible-value':
    'a value that no row can have: whoever wrote the record did not read it from one',
  'too-many-headers': 'over a thousand: none of ours writes so many, and none of them is read',
} as const;

export type PoisonReason = keyof typeof poisonReasons;
