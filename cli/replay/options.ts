/** The options of `afterbuild replay`, read and checked. */
import { InvalidArgumentError, type Command } from 'commander';
import { readDuration } from '../../lib/control/duration';
import { failureGroups } from '../../lib/kafka/topics/topics';
import { isProcessName, processNames, type ProcessName } from '../../lib/process/processes';
import { onlyReplay, type ReplayName } from '../../lib/replay/record';
import { moment, wholeNumber } from '../dlq/options';
import { jsonOption, type OutputOptions } from '../output';

/** An offset, or a time in milliseconds since the epoch. */
export type Bound = { readonly offset: number } | { readonly atMs: number };

export interface NameOptions extends OutputOptions {
  readonly process?: string;
  readonly topic?: string;
  readonly another?: string;
}

export interface RangeOptions extends NameOptions {
  readonly partition?: number;
  readonly key?: string;
  readonly from?: Bound;
  readonly to?: Bound;
  readonly sinceOutage?: number;
  /** Milliseconds. */
  readonly waited: number;
  readonly rate: number;
  readonly liveLagMax: number;
  readonly sample: number;
  readonly absentRowsExpected?: boolean;
}

/** What is asked for; `to` undefined is the present end of the log. */
export interface AskedRange {
  readonly partition?: number | undefined;
  readonly key: string | null;
  readonly from: Bound;
  readonly to?: Bound | undefined;
}

export const withName = (command: Command): Command =>
  command
    .option('--process <name>', `whose work: ${processNames.join(', ')}`)
    .option('--topic <name>', 'the topic of its work; names the process as well')
    .option(
      '--another <name>',
      'a further replay of the process, beside the one without a name',
      aName,
    )
    .option(...jsonOption);

export const withRange = (command: Command): Command =>
  withName(command)
    .option('--partition <number>', 'only this partition', wholeNumber)
    .option('--key <text>', 'only records with this key, the whole of it')
    .option(
      '--from <when>',
      'written at or after: an ISO time, 30m, 6h, 7d ago, or offset:N',
      bound,
    )
    .option('--to <when>', 'written before; the same forms (default: up to now)', bound)
    .option(
      '--since-outage <when>',
      'what was handled since then: from --waited before that time up to now',
      moment,
    )
    .option(
      '--waited <duration>',
      'how long a record may have waited to be handled',
      duration,
      3_600_000,
    )
    .option('--rate <per second>', 'records that begin in a second, at most', aRate, 20)
    .option(
      '--live-lag-max <records>',
      'it waits while the live group has more left to do',
      wholeNumber,
      1_000,
    )
    .option(
      '--absent-rows-expected',
      'the bucket was set back: rows are gone, objects are there, and the brake is not to hold that',
    )
    .option(
      '--sample <records>',
      'whose effects are looked up in the stores for the plan',
      wholeNumber,
      24,
    );

/** @throws InvalidArgumentError when process and topic are missing, unknown, or do not belong together. */
export function replayOf(
  { process, topic, another = onlyReplay }: NameOptions,
  namespace: string,
): ReplayName & { readonly topic: string } {
  if (process !== undefined && !isProcessName(process)) {
    throw new InvalidArgumentError(`There is no process ${process}: ${processNames.join(', ')}.`);
  }
  const found = failureGroups.filter(
    (one) =>
      (process === undefined || one.group === process) &&
      (topic === undefined || topic === one.topic || topic === `${namespace}${one.topic}`),
  );
  const [one] = found;
  if (one && found.length === 1) {
    return { process: one.group, topic: one.topic, name: another };
  }
  const known = failureGroups.map((pair) => `${pair.group} reads ${pair.topic}`).join(', ');
  throw new InvalidArgumentError(
    found.length === 0
      ? `No process fits --process and --topic: ${known}.`
      : `--process or --topic must say whose work it is: ${known}.`,
  );
}

/** @returns null when no range is asked for. @throws InvalidArgumentError for one that contradicts itself. */
export function askedRange(options: RangeOptions): AskedRange | null {
  const { to, partition, key } = options;
  const from = beginOf(options);
  if (from === undefined) {
    if (to === undefined && partition === undefined && key === undefined) return null;
    throw new InvalidArgumentError('--from or --since-outage must say where the range begins.');
  }
  refuseBare('from', from, partition);
  if (to) {
    refuseBare('to', to, partition);
    refuseBackwards(from, to);
  }
  return { partition, key: key ?? null, from, to };
}

function beginOf({ from, to, sinceOutage, waited }: RangeOptions): Bound | undefined {
  if (sinceOutage === undefined) return from;
  if (from === undefined && to === undefined) return { atMs: sinceOutage - waited };
  throw new InvalidArgumentError('--since-outage stands for --from and --to: leave those out.');
}

function refuseBare(name: string, bound: Bound, partition: number | undefined): void {
  if ('atMs' in bound || partition !== undefined) return;
  throw new InvalidArgumentError(`--${name} offset:N needs --partition.`);
}

function refuseBackwards(from: Bound, to: Bound): void {
  if ('atMs' in from && 'atMs' in to && to.atMs <= from.atMs) {
    throw new InvalidArgumentError('--to must be later than --from.');
  }
  if ('offset' in from && 'offset' in to && to.offset <= from.offset) {
    throw new InvalidArgumentError('--to must be behind --from.');
  }
}

export function bound(text: string): Bound {
  const [, offset] = /^offset:([0-9]{1,15})$/.exec(text) ?? [];
  if (offset !== undefined) return { offset: Number(offset) };
  try {
    return { atMs: moment(text) };
  } catch {
    throw new InvalidArgumentError(
      'It must be like 2026-05-01T12:00:00Z, 30m, 6h, 7d (ago), or offset:1234.',
    );
  }
}

function duration(text: string): number {
  const ms = readDuration(text);
  if (ms === null) throw new InvalidArgumentError('It must be a duration like 90m, 6h or 1d12h.');
  return ms;
}

function aRate(text: string): number {
  const rate = Number(text);
  if (/^[0-9]{1,6}(\.[0-9]{1,3})?$/.test(text) && rate > 0) return rate;
  throw new InvalidArgumentError('It must be a number above 0.');
}

function aName(text: string): string {
  if (/^[a-z0-9][a-z0-9-]{0,40}$/.test(text) && text !== onlyReplay) return text;
  throw new InvalidArgumentError(
    'It must be lower case letters, digits and hyphens, and not `replay`.',
  );
}

/** @param asProcess which process must be one of them. */
export const isOf = ({ process }: ReplayName, asked: string | undefined): asked is ProcessName =>
  asked === undefined || asked === process;
