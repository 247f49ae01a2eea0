/** `afterbuild replay plan`: which records, what of their effects is done, how long it takes. */
import { writeDuration } from '../../lib/control/duration';
import { ConfigError } from '../../lib/process/config';
import { planRanges, recordsIn, type PartitionPlan } from '../../lib/replay/range';
import { onlyReplay, replayGroup, type ReplayDefinition } from '../../lib/replay/record';
import { exitCodes, type ExitCode } from '../exit-codes';
import { printResult } from '../output';
import { lookUpEffects, type Effects } from './effects';
import { askedRange, replayOf, type AskedRange, type Bound, type RangeOptions } from './options';
import { withReplays, type ReplaySession } from './session';
import { InvalidArgumentError } from 'commander';

interface Planned {
  readonly definition: ReplayDefinition;
  /** Of all partitions, also those of which nothing is taken. */
  readonly partitions: readonly PartitionPlan[];
  readonly records: number;
  readonly leftToLive: number;
  readonly secondsAtLeast: number;
  readonly effects: Effects;
}

export async function plan(options: RangeOptions): Promise<ExitCode> {
  const planned = await withReplays(async (session) => {
    const asked = askedRange(options);
    if (!asked) {
      throw new InvalidArgumentError('--from or --since-outage must say where the range begins.');
    }
    return planRange(session, options, asked);
  });
  printPlan(options, planned);
  return exitCodes.ok;
}

export const printPlan = (options: RangeOptions, planned: Planned): void =>
  printResult(options, { ...planned, applied: false }, [
    ...describePlan(planned),
    'Nothing was changed; `replay run` with --yes does it.',
  ]);

/** @throws ConfigError when the topic or the partition does not exist. */
export async function planRange(
  session: ReplaySession,
  options: RangeOptions,
  asked: AskedRange,
): Promise<Planned> {
  const { admin, named, config } = session;
  const { process, name, topic } = replayOf(options, config.AFTERBUILD_NAMESPACE);
  const ends = await admin.ends(named(topic));
  const committed = new Map(
    (await admin.committed(named(process), named(topic))).map((one) => [one.partition, one.offset]),
  );
  const [from, to] = [
    await offsetsOf(session, named(topic), asked.from),
    await offsetsOf(session, named(topic), asked.to),
  ];
  const chosen = ends.filter(
    ({ partition }) => asked.partition === undefined || partition === asked.partition,
  );
  if (chosen.length === 0) {
    throw new ConfigError(
      `${named(topic)} has no partition ${asked.partition ?? 0}: it has ${ends.length}.`,
    );
  }
  const partitions = planRanges(
    chosen.map((end) => ({
      ...end,
      committed: committed.get(end.partition) ?? -1,
      from: Math.min(from(end.partition), end.highWatermark),
      to: to(end.partition),
    })),
  );
  const taken = partitions.filter((one) => one.to > one.from);
  const records = recordsIn(taken);
  const definition: ReplayDefinition = {
    ...{ process, name, topic, key: asked.key, rate: options.rate },
    ranges: taken.map((one) => [one.partition, one.from, one.to]),
    liveLagMax: options.liveLagMax,
    absentRowsExpected: options.absentRowsExpected === true,
  };
  return {
    definition,
    partitions,
    records,
    leftToLive: partitions.reduce((sum, { leftToLive }) => sum + leftToLive, 0),
    secondsAtLeast: Math.ceil(records / options.rate),
    effects: await lookUpEffects(session, process, named(topic), taken, options.sample),
  };
}

/** @returns the offset of the bound, by partition; without one the end of any log. */
async function offsetsOf(
  { groups }: ReplaySession,
  topic: string,
  bound: Bound | undefined,
): Promise<(partition: number) => number> {
  if (bound === undefined) return () => Infinity;
  if ('offset' in bound) return () => bound.offset;
  const found = await groups.firstSince(topic, bound.atMs);
  return (partition) => found.get(partition) ?? Infinity;
}

export function describePlan({ definition, partitions, ...planned }: Planned): string[] {
  const { process, topic, name, key, rate, liveLagMax } = definition;
  const taken = partitions.filter(({ from, to }) => to > from);
  const called = name === onlyReplay ? '' : ` (${name})`;
  const width = String(Math.max(0, ...taken.map(({ to }) => to))).length;
  const { leftToLive } = planned;
  const cut = partitions.filter(({ isCut }) => isCut).map(({ partition }) => partition);
  return [
    `${process}${called}: ${planned.records} records of ${topic} once more, as group ${replayGroup(definition)}`,
    ...taken.map(
      (one) =>
        `  partition ${String(one.partition).padStart(3)}: offsets ` +
        `${String(one.from).padStart(width)} to ${String(one.to).padStart(width)}, ${one.to - one.from} records`,
    ),
    ...(key === null ? [] : [`  of these only records with the key ${key}`]),
    ...(definition.absentRowsExpected
      ? ['  objects of rows that are gone are deleted, however many: the brake does not count them']
      : []),
    ...(leftToLive === 0
      ? []
      : [`  ${leftToLive} of the range are not handled yet: they stay with ${process} itself`]),
    ...(cut.length === 0
      ? []
      : [`  retention may have taken earlier records of partitions ${cut.join(', ')}`]),
    ...planned.effects.lines.map((line) => `  ${line}`),
    `  at ${rate} records a second, while ${process} has at most ${liveLagMax} records left: ` +
      `${writeDuration(planned.secondsAtLeast * 1_000)} at least`,
  ];
}
