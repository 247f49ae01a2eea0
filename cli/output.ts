/**
 * Prints results to stdout, as text or as JSON, and progress to stderr, so that the two can be separated. All output of
 * a command passes through here, and foreign text in it is escaped.
 */
import { printable, printableJson } from '../lib/process/printable';

export interface OutputOptions {
  readonly json?: boolean;
}

export const jsonOption = ['--json', 'print the result as JSON'] as const;

/** @param lines the text in place of the JSON. */
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
