/** `afterbuild replay run`: begins a replay, or goes on with one, in this process. */
import { createRequire } from 'node:module';
import { hostname } from 'node:os';
import { InvalidArgumentError } from 'commander';
import { writeDuration } from '../../lib/control/duration';
import { systemClock } from '../../lib/process/clock';
import type { Environment } from '../../lib/process/config';
import { ConfigError } from '../../lib/process/config';
import type { Logger } from '../../lib/process/logger';
import { processes } from '../../lib/process/processes';
import { createProgress } from '../../lib/process/progress';
import {
  definitionRecord,
  onlyReplay,
  replayGroup,
  replayKey,
  wishKey,
  wishRecord,
  type KnownReplay,
  type ReplayDefinition,
  type ReplayName,
} from '../../lib/replay/record';
import { recordsIn } from '../../lib/replay/range';
import type { ReplayProgress } from '../../lib/replay/watch';
import type { ReplayOrder, ReplayReport } from '../../lib/service/run-replay';
import { exitCodes, type ExitCode } from '../exit-codes';
import { printProgress, printResult } from '../output';
import { refuseBlank } from '../signature';
import { commandLogger } from './command-logger';
import { type AskedRange, askedRange, replayOf, type RangeOptions } from './options';
import { describePlan, planRange, printPlan } from './plan';
import { forget, withReplays, type ReplaySession } from './session';

export interface RunOptions extends RangeOptions {
  readonly yes?: boolean;
  readonly author: string;
  readonly reason: string;
}

/** What each `main.ts` of a process offers beside `run`. */
interface ProcessModule {
  readonly replay: (environment: Environment, order: ReplayOrder) => Promise<ReplayReport>;
}

const load = createRequire(__filename);
/** A killed run counts as a member until its session ends. */
const memberLeavesMs = 60_000;
const lookEveryMs = 1_000;

export async function run(options: RunOptions): Promise<ExitCode> {
  if (options.yes === true) refuseBlank({ author: options.author, reason: options.reason });
  return withReplays(async (session) => {
    const definition = await definitionOf(session, options);
    if (definition === null) return exitCodes.ok;
    return carryOut(session, definition, options);
  });
}

/** @returns the replay to carry out; null when it was only shown, or nothing is to be done. */
async function definitionOf(
  session: ReplaySession,
  options: RunOptions,
): Promise<ReplayDefinition | null> {
  const of = replayOf(options, session.config.AFTERBUILD_NAMESPACE);
  const known = session.replays.get(of);
  const asked = askedRange(options);
  if (known) {
    refuseKnown(known, asked);
    if (options.yes === true) {
      printProgress(asBegun(known.definition));
      return known.definition;
    }
    printResult(options, { ...known, applied: false }, [
      `${describeKnown(known)} is not over; --yes goes on with it.`,
    ]);
    return null;
  }
  if (!asked) {
    throw new InvalidArgumentError(
      `No replay of ${of.process} has begun that could go on: --from or --since-outage begins one.`,
    );
  }
  refuseSecond(session, of, options);
  const planned = await planRange(session, options, asked);
  if (options.yes !== true || planned.records === 0) {
    printPlan(options, planned);
    return null;
  }
  for (const line of describePlan(planned)) printProgress(line);
  await begin(session, planned.definition, options);
  return planned.definition;
}

/** It cannot go on with another range, nor after a cancel. */
function refuseKnown(known: KnownReplay, asked: AskedRange | null): void {
  if (known.wish.is === 'cancel') throw new InvalidArgumentError(cancelled(known));
  if (asked) throw new InvalidArgumentError(notOver(known));
}

/** @throws InvalidArgumentError while another replay of the process is not over, unless this one has a name. */
function refuseSecond({ replays }: ReplaySession, of: ReplayName, { another }: RunOptions): void {
  const other = replays.all().find(({ definition }) => definition.process === of.process);
  if (!other || another !== undefined) return;
  throw new InvalidArgumentError(`${notOver(other)} --another <name> runs one beside it.`);
}

/** The options of its first run count, not those of this one. */
const asBegun = ({ rate, liveLagMax, absentRowsExpected }: ReplayDefinition): string =>
  `goes on as it was begun: at most ${rate} records a second, while at most ${liveLagMax} live ones are left` +
  (absentRowsExpected ? '; the brake does not count missing rows' : '');

const describeKnown = ({ definition, author, reason, atMs }: KnownReplay): string => {
  const { process, name, ranges, topic } = definition;
  const called = name === onlyReplay ? '' : ` (${name})`;
  const records = recordsIn(ranges.map(([, from, to]) => ({ from, to })));
  const at = new Date(atMs).toISOString();
  return `The replay of ${process}${called}, ${records} records of ${topic}, begun by ${author} at ${at}: ${reason},`;
};

/** Its run was killed before it could follow. */
const cancelled = (known: KnownReplay): string =>
  `${describeKnown(known)} was cancelled by ${known.wish.author}, and no run has followed: \`replay cancel\` once more removes it.`;

const notOver = (known: KnownReplay): string =>
  `${describeKnown(known)} is not over: \`replay run\` without a range goes on with it, \`replay cancel\` ends it.`;

/** Offsets that an earlier replay has left in the group would be taken for progress. */
async function begin(
  session: ReplaySession,
  definition: ReplayDefinition,
  { author, reason }: RunOptions,
): Promise<void> {
  await forget(session, definition);
  const by = { author, reason, atMs: systemClock.nowMs() };
  await session.write(replayKey(definition), definitionRecord(definition, by));
}

async function carryOut(
  session: ReplaySession,
  definition: ReplayDefinition,
  options: RunOptions,
): Promise<ExitCode> {
  const { process: name } = definition;
  await aloneInGroup(session, definition);
  const gone = await goneByRetention(session, definition);
  if (gone > 0) printProgress(`${gone} records of the range are gone: retention has deleted them`);
  await session.readOn();
  // A pause or a cancel that was meant for an earlier run is over when an operator runs it again.
  const by = { author: options.author, reason: options.reason, atMs: systemClock.nowMs() };
  await session.write(wishKey(definition), wishRecord(definition, 'run', by));
  const startedAtMs = systemClock.nowMs();
  const shown = showProgress(definition);
  const { replay } = load(`../../${processes[name].kind}s/${name}/main`) as ProcessModule;
  const logger: Logger = commandLogger(name);
  const ports = {
    clock: systemClock,
    wish: async () => {
      await session.readOn();
      return session.replays.get(definition)?.wish.is ?? 'cancel';
    },
    liveLag: () => liveLag(session, definition),
    tell: shown.tell,
  };
  const report = await replay(process.env, { definition, ports, logger }).finally(shown.close);
  if (report.ending !== null) await forget(session, definition);
  const { done, total } = shown.last();
  const tookMs = systemClock.nowMs() - startedAtMs;
  printResult(options, { definition, ...report, done, total, gone, tookMs, applied: true }, [
    `${replayGroup(definition)} on ${hostname()}: ${done} of ${total} records in ${writeDuration(tookMs)}: ${endings[report.ending ?? 'stopped']}`,
    ...Object.entries(report.counts).map(([count, value]) => `  ${count} ${value}`),
  ]);
  if (report.ending === 'done') return exitCodes.ok;
  return report.exitCode === exitCodes.ok ? exitCodes.failed : report.exitCode;
}

const endings = {
  done: 'done; its group was removed',
  cancelled: 'cancelled; its group was removed, what is done stays done',
  stopped: 'stopped before its end; `replay run` goes on with it, `replay cancel` ends it',
} as const;

/** @throws ConfigError while another run works on the same replay. */
async function aloneInGroup(session: ReplaySession, definition: ReplayDefinition): Promise<void> {
  const group = session.named(replayGroup(definition));
  const untilMs = systemClock.nowMs() + memberLeavesMs;
  for (let isTold = false; ; isTold = true) {
    const [member] = await session.groups.members(group);
    if (member === undefined) return;
    if (systemClock.nowMs() > untilMs) {
      throw new ConfigError(
        `A run of this replay is a member of ${group}, on ${member}: it works already, or hangs.`,
      );
    }
    if (!isTold)
      printProgress(`waiting: ${group} has a member on ${member}; a killed one leaves soon`);
    await systemClock.sleep(lookEveryMs);
  }
}

/** Offsets of the range that the log does not have any more, and that no earlier run has committed. */
async function goneByRetention(
  { admin, named }: ReplaySession,
  definition: ReplayDefinition,
): Promise<number> {
  const topic = named(definition.topic);
  const starts = new Map((await admin.ends(topic)).map((one) => [one.partition, one.logStart]));
  const committed = new Map(
    (await admin.committed(named(replayGroup(definition)), topic)).map((one) => [
      one.partition,
      one.offset,
    ]),
  );
  return definition.ranges.reduce((sum, [partition, from, to]) => {
    const begin = Math.max(from, committed.get(partition) ?? -1);
    return sum + Math.max(0, Math.min(starts.get(partition) ?? 0, to) - begin);
  }, 0);
}

async function liveLag({ admin, named }: ReplaySession, of: ReplayDefinition): Promise<number> {
  const lag = await admin.lag(named(of.process), named(of.topic));
  return lag.reduce((sum, { records }) => sum + records, 0);
}

/** A bar on a terminal, lines elsewhere; a wait is printed once. */
function showProgress(definition: ReplayDefinition) {
  const total = recordsIn(definition.ranges.map(([, from, to]) => ({ from, to })));
  const progress = createProgress(process.stderr);
  const bar = progress.bar(replayGroup(definition), total, 'records');
  let last: ReplayProgress = { done: 0, total, waitsFor: null, halts: [] };
  let shown = '';
  const tell = (now: ReplayProgress): void => {
    bar.update(now.done);
    const causes = [now.waitsFor, ...now.halts].filter((one) => one !== null).join('; ');
    // The number of records left changes with each look.
    const kind = causes.replaceAll(/[0-9]+/g, '');
    if (kind !== shown) progress.line(causes === '' ? 'goes on' : `waits: ${causes}`);
    shown = kind;
    last = now;
  };
  const close = (): void => {
    bar.finish(`${last.done} of ${total}`);
    progress.close();
  };
  return { tell, close, last: () => last };
}
