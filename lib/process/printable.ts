/**
 * Text of others on its way to a terminal, a log or a page: names of files and projects, headers, errors, what somebody
 * has written on a topic. A control sequence in it would move the cursor, a line break forge a line, a mark of direction
 * show it back to front.
 */

/** C0, DEL, C1; marks of direction; separators of lines and paragraphs; the mark of the byte order; lone surrogates. */
const unprintable =
  /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]|\p{Surrogate}/gu;
/** What JSON.stringify leaves as it is; its own line breaks stay. */
const unprintableInJson = /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

const escaped = (character: string): string =>
  `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;

/** One line, whatever the text holds. */
export const printable = (text: string): string => text.replaceAll(unprintable, escaped);

/** Of JSON: the same value, in characters that print. */
export const printableJson = (json: string): string => json.replaceAll(unprintableInJson, escaped);

const quotedMax = 64;

/** For a reason that quotes what a record holds: 64 characters of it at most, escaped. */
export function quoted(text: string): string {
  const isLong = text.length > quotedMax;
  return printable(isLong ? `${text.slice(0, quotedMax - 1)}…` : text);
}
