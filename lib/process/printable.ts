/**
 * Makes foreign text safe for a terminal, a log or a page: names of files and projects, headers, errors, values of a
 * topic. A control sequence in it would move the cursor, a line break forge a line, a direction mark show it back to
 * front.
 */

/** C0, DEL, C1; direction marks; line and paragraph separators; the byte order mark; lone surrogates. */
const unprintable =
  /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]|\p{Surrogate}/gu;
/** Characters that JSON.stringify does not escape; its own line breaks stay. */
const unprintableInJson = /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

const escaped = (character: string): string =>
  `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;

/** One line, for any text. */
export const printable = (text: string): string => text.replaceAll(unprintable, escaped);

/** For JSON: the same value, in printable characters. */
export const printableJson = (json: string): string => json.replaceAll(unprintableInJson, escaped);

const quotedMax = 64;

/** For a reason that quotes part of a record: 64 characters of it at most, escaped. */
export function quoted(text: string): string {
  const isLong = text.length > quotedMax;
  return printable(isLong ? `${text.slice(0, quotedMax - 1)}…` : text);
}
