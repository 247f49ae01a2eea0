/** What a bench prints: one JSON line a result, and the median of several runs. */
import { appendFileSync } from 'node:fs';

export type Report = (fields: Readonly<Record<string, unknown>>) => void;

/** @param file gets every line as well, when given. */
export function createReport(file?: string): Report {
  return (fields) => {
    const line = JSON.stringify(fields);
    console.log(line);
    if (file !== undefined) appendFileSync(file, `${line}\n`);
  };
}

export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

/** Lowest and highest of several runs, rounded. */
export const spread = (values: readonly number[]): readonly [number, number] => [
  Math.round(Math.min(...values)),
  Math.round(Math.max(...values)),
];
