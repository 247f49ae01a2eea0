/** The filters that all commands of `afterbuild dlq` share, read and checked. */
import { type Command, InvalidArgumentError } from 'commander';
import type { DeadLetterFilter } from '../../lib/dead-letters/filter';
import { deadLetterPlaces, placesOf, type DeadLetterPlace } from '../../lib/dead-letters/places';
import { poisonReasons } from '../../lib/runtime/poison';
import { systemClock } from '../../lib/process/clock';
import { jsonOption, type OutputOptions } from '../output';

export interface FilterOptions extends OutputOptions {
  readonly group?: string;
  readonly topic?: string;
  readonly partition?: number;
  readonly offset?: number;
  readonly reason?: string;
  readonly errorClass?: string;
  readonly since?: number;
  readonly until?: number;
  readonly key?: string;
  readonly limit?: number;
}

/** @param limit what `--limit` counts. */
export function withFilters(command: Command, limit: string): Command {
  return command
    .option('--group <name>', 'only of this consumer group')
    .option('--topic <name>', 'only from this topic, by its own name or its dead-letter topic')
    .option('--partition <number>', 'only in this partition of the dead-letter topic', wholeNumber)
    .option('--offset <number>', 'only at this offset of the dead-letter topic', wholeNumber)
    .option('--reason <reason>', 'only poison of this kind, for example wire-format', poisonReason)
    .option('--error-class <name>', 'only those that failed with this class of error')
    .option('--since <when>', 'failed last at or after: an ISO time, or 30m, 6h, 7d ago', moment)
    .option('--until <when>', 'failed last before: an ISO time, or 30m, 6h, 7d ago', moment)
    .option('--key <text>', 'only with this key, the whole of it')
    .option('--limit <count>', limit, positive)
    .option(...jsonOption);
}

export const filterOf = (options: FilterOptions): DeadLetterFilter => ({
  partition: options.partition,
  offset: options.offset,
  reason: options.reason,
  errorClass: options.errorClass,
  sinceMs: options.since,
  untilMs: options.until,
  key: options.key,
});

/** @throws InvalidArgumentError that lists the existing names, when the given ones match nothing. */
export function chosenPlaces(namespace: string, options: FilterOptions): DeadLetterPlace[] {
  const all = deadLetterPlaces(namespace);
  const chosen = placesOf(all, namespace, options);
  if (chosen.length > 0) return chosen;
  const known = all.map(({ topic }) => topic).join(', ');
  throw new InvalidArgumentError(
    `No dead-letter topic fits --group and --topic; there are ${known}.`,
  );
}

/** One that no record was ever given would find nothing, and look as if nothing waited. */
function poisonReason(text: string): string {
  if (Object.hasOwn(poisonReasons, text)) return text;
  throw new InvalidArgumentError(`There are ${Object.keys(poisonReasons).join(', ')}.`);
}

export function wholeNumber(text: string): number {
  if (!/^[0-9]{1,15}$/.test(text)) throw new InvalidArgumentError('It must be a whole number.');
  return Number(text);
}

export function positive(text: string): number {
  const number = wholeNumber(text);
  if (number === 0) throw new InvalidArgumentError('It must be above 0.');
  return number;
}

const unitMs = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** @returns milliseconds since the epoch. */
export function moment(text: string, _previous?: unknown, nowMs = systemClock.nowMs()): number {
  const ago = /^([0-9]{1,6})([smhd])$/.exec(text);
  if (ago) return nowMs - Number(ago[1]) * unitMs[ago[2] as keyof typeof unitMs];
  const atMs = Date.parse(text);
  if (/^\d{4}-\d{2}-\d{2}/.test(text) && Number.isFinite(atMs)) return atMs;
  throw new InvalidArgumentError('It must be like 2026-05-01T12:00:00Z, or 30m, 6h, 7d (ago).');
}
