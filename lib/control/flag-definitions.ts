/** The one list of flags: what each does, which processes know it, and which values it takes. */
import { everyProcess, processNames, producerNames, type ProcessName } from '../process/processes';

const flagNames = ['pause', 'rate', 'concurrency', 'loop-limit', 'dry-run', 'redis-guard'] as const;
export type FlagName = (typeof flagNames)[number];

interface FlagDefinition {
  readonly name: FlagName;
  /** For `--help` and the documentation. */
  readonly doc: string;
  readonly processes: readonly ProcessName[];
  /** The end of the sentence "pause must be …". */
  readonly expects: string;
  /** @returns null when the flag does not take that value. */
  readonly read: (value: string) => number | null;
}

/** Such a flag is on while it is set: a value `false` could not overrule another flag. */
const onlyTrue = (value: string): number | null => (value === 'true' ? 1 : null);

const wholeNumber =
  (min: number, max: number) =>
  (value: string): number | null =>
    /^[0-9]{1,9}$/.test(value) && Number(value) >= min && Number(value) <= max
      ? Number(value)
      : null;

export const guardModes = ['off', 'dry-run', 'on'] as const;
export type GuardMode = (typeof guardModes)[number];

/** Its place in `guardModes`. */
const readGuardMode = (value: string): number | null => {
  const place = guardModes.findIndex((mode) => mode === value);
  return place < 0 ? null : place;
};

export const flagDefinitions: Readonly<Record<FlagName, FlagDefinition>> = {
  pause: {
    name: 'pause',
    doc: 'nothing new is begun; what runs is finished; flags unset goes on',
    processes: processNames,
    expects: 'true (afterbuild flags unset ends it)',
    read: onlyTrue,
  },
  rate: {
    name: 'rate',
    doc: 'records a second that all instances together take from their topic',
    processes: processNames,
    expects: 'a whole number of records a second from 1 to 1000000',
    read: wholeNumber(1, 1_000_000),
  },
  concurrency: {
    name: 'concurrency',
    doc: 'micro-batches that one instance works on at once',
    processes: processNames,
    expects: 'a whole number from 1 to 64',
    read: wholeNumber(1, 64),
  },
  'loop-limit': {
    name: 'loop-limit',
    doc: 'how much may be in flight before the consumer, a partition: artifacts, or builds of the stale sweep',
    processes: producerNames,
    expects: 'a whole number from 1000 to 1000000',
    read: wholeNumber(1_000, 1_000_000),
  },
  'redis-guard': {
    name: 'redis-guard',
    doc: 'moves chunks of traces from a Redis that fills up into the database (ADR 0026)',
    processes: ['trace-archiver'],
    expects: 'off, dry-run (reports, changes nothing) or on; off without the flag',
    read: readGuardMode,
  },
  'dry-run': {
    name: 'dry-run',
    doc: 'decides and reports, changes nothing; the records are held and worked on when it ends',
    processes: ['artifact-deleter'],
    expects: 'true (afterbuild flags unset ends it)',
    read: onlyTrue,
  },
};

export const isFlagName = (name: string): name is FlagName =>
  flagNames.some((known) => known === name);

/**
 * @param process a process's name or `all`.
 * @returns why the flag cannot be set like that, as a sentence that lists the possible values; null when it can.
 */
export function refuseFlag(process: string, name: string, value: string | null): string | null {
  const known = [...processNames, everyProcess];
  if (!known.some((one) => one === process)) {
    return `There is no process ${process}; there are ${known.join(', ')}.`;
  }
  if (!isFlagName(name)) return `There is no flag ${name}; there are ${flagNames.join(', ')}.`;
  const { processes, expects, read } = flagDefinitions[name];
  const asked = process === everyProcess ? processNames : [process];
  if (!asked.every((one) => processes.some((knows) => knows === one))) {
    return `${name} is known to ${processes.join(' and ')} only.`;
  }
  if (value !== null && read(value) === null) return `${name} must be ${expects}, not ${value}.`;
  return null;
}
