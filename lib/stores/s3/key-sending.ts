/**
 * How the deletion of a key can be asked for. DeleteObjects names its keys in XML, and XML 1.0 has no way to say
 * some characters that PostgreSQL, URLs and S3 all take; one such key has the whole request refused.
 */

/**
 * - `together`: with others, in the XML of a DeleteObjects.
 * - `alone`: by a request of its own, in whose URL every character can be said.
 * - `never`: no request can name it, and no object can have it.
 */
export type KeySending = 'together' | 'alone' | 'never';

/** S3's limit, in UTF-8. */
const keyBytesMax = 1_024;

/**
 * What XML 1.0 has no word for, and what readers of XML are known to change or refuse though it has: control
 * characters, the line ends of XML 1.1, noncharacters, and space at either end.
 */
const unlikeXml =
  /[\p{Cc}\u2028\u2029\ufdd0-\ufdef]|[\ufffe\uffff]|\p{Noncharacter_Code_Point}|^\s|\s$/u;

/** @param key as it is sent, the bucket's prefix included. */
export function keySending(key: string): KeySending {
  const isSayable = key !== '' && key.isWellFormed() && !key.includes('\0');
  if (!isSayable || Buffer.byteLength(key) > keyBytesMax) return 'never';
  return unlikeXml.test(key) ? 'alone' : 'together';
}
