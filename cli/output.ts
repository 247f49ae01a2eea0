/**
 * Results go to stdout, for a person or as JSON; progress goes to stderr, so that the two can be parted. All that a command
 * prints comes through here, and what others have written in it is escaped.
 */
import { printable, printableJson } from '../lib/process/printable';

export interface OutputOptions {
  readonly json?: boolean;
}

export const jsonOption = ['--json', 'print the result as JSON'] as const;

/** @param lines what a person reads in place of the JSON. */
export function printResult(
  options: OutputOptions,
  result: unknown,
  lines: readonly string[],
): void {
  const text =
    options.json === true
      ? printableJson(JSON.stringify(result, null, 2))
      : lines.map(printable).join('\n');
  process.stdout.write(`${text}\n`);
}

export function printProgress(line: string): void {
  process.stderr.write(`${printable(line)}\n`);
}
