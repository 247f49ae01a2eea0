/** Finds errors and exit codes of a process that its scenario did not announce. */
import type { RunningProcess } from './running-process';

/** Errors, and output that is no log line. */
export function unexpectedLines(process: RunningProcess, allowed: readonly RegExp[]): string[] {
  const errors = process.lines.filter(({ level }) => level === 'error' || level === 'fatal');
  return [...errors.map((line) => JSON.stringify(line)), ...process.noise]
    .filter((line) => !allowed.some((pattern) => pattern.test(line)))
    .map((line) => `${process.name}: ${line}`);
}

/** A process that was killed on purpose has a signal and no code; any other code than 0 is reported. */
export function unexpectedExit(process: RunningProcess): string[] {
  const wasKilled = process.exit?.signal === 'SIGKILL';
  const code = process.exit?.code;
  if (code === 0 || wasKilled || process.mayFail) return [];
  return [`${process.name} exited with ${String(code)}:\n${process.tail()}`];
}
