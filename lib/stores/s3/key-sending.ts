/**
 * Decides how the deletion of a key can be requested. DeleteObjects names its keys in XML, and XML 1.0 cannot express
 * some characters that PostgreSQL, URLs and S3 all accept; one such key has the whole request refused.
 */

/**
 * - `together`: with others, in the XML of a DeleteObjects.
 * - `alone`: by a request of its own, whose URL can express every character.
 * - `never`: no request can name it, and no object can have it.
 */
type KeySending = 'together' | 'alone' | 'never';

/** S3's limit, in UTF-8. */
const keyBytesMax = 1_024;

/**
 * Characters that XML 1.0 cannot express, and those that XML readers are known to change or refuse: control characters,
 * the line ends of XML 1.1, noncharacters, and space at either end.
 */
const unlikeXml =
  /[\p{Cc}\u2028\u2029\ufdd0-\ufdef]|[\ufffe\uffff]|\p{Noncharacter_Code_Point}|^\s|\s$/u;

/** @param key as it is sent, the bucket's prefix included. */
export function keySending(key: string): KeySending {
  const isSayable = key !== '' && key.isWellFormed() && !key.includes('\0');
  if (!isSayable || Buffer.byteLength(key) > keyBytesMax) return 'never';
  return unlikeXml.test(key) ? 'alone' : 'together';
}
