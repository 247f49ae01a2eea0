/** Prints the results of a bench: one JSON line for each, and the median of several runs. */
import { appendFileSync, readFileSync } from 'node:fs';

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

/** @param share 0.5 for the median; of none it is 0. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

/** Highest resident memory of a process so far. */
export function highWaterBytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) * 1_024;
}

/** `getconf CLK_TCK`, which is the same on every Linux. */
const ticksPerSecond = 100;

/** Processor time of a process so far, in user and in system mode. */
export function cpuMsOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return ((Number(fields[11]) + Number(fields[12])) * 1_000) / ticksPerSecond;
}
