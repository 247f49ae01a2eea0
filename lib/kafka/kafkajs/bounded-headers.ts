/**
 * Bounds how many headers kafkajs 2.2.4 reads of a record.
 *
 * kafkajs allocates as many as a record announces before it has read one, and copies all of them for each: the time
 * grows with the square of their number, for every record of the answer, and again after each start. None of our
 * records has more than thirty. Of a record with more than a thousand, none is read; a header of ours marks it, and it
 * becomes a dead letter (`too-many-headers`).
 */
import { createRequire } from 'node:module';
import { headersMax, unreadHeaders } from '../header-text';

interface Decoder {
  readVarInt(): number;
  readVarIntArray(read: (decoder: Decoder) => unknown): unknown[];
}

/** The part of a decoder that is not read yet: the headers are the last part of a record. */
function readHeaders(decoder: Decoder, read: (decoder: Decoder) => unknown): unknown[] {
  const count = decoder.readVarInt();
  if (count >= 0 && count <= headersMax) return Array.from({ length: count }, () => read(decoder));
  return count === -1 ? [] : [{ key: unreadHeaders, value: Buffer.from(String(count)) }];
}

let isBounded = false;

/** Idempotent. @throws Error when the kafkajs that is installed is built differently. */
export function boundHeaders(): void {
  if (isBounded) return;
  const { prototype } = createRequire(__filename)('kafkajs/src/protocol/decoder') as {
    prototype: Decoder;
  };
  if (typeof Reflect.get(prototype, 'readVarIntArray') !== 'function') {
    throw new Error('kafkajs has no readVarIntArray: look how it reads headers.');
  }
  prototype.readVarIntArray = function (this: Decoder, read) {
    return readHeaders(this, read);
  };
  isBounded = true;
}
