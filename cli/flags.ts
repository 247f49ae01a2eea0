/** `afterbuild flags get|set|unset`: how operators steer the processes while they work. */
import { userInfo } from 'node:os';
import type { Command } from 'commander';
import { flagKey } from '../lib/control/control-key';
import { readDuration, writeDuration } from '../lib/control/duration';
import { flagDefinitions, refuseFlag } from '../lib/control/flag-definitions';
import { type FlagInForce, Flags } from '../lib/control/flags';
import { everyProcess, processNames } from '../lib/control/process-names';
import { topicNames } from '../lib/kafka/topics';
import { systemClock } from '../lib/process/clock';
import { ConfigError, controlSchema, loadConfig } from '../lib/process/config';
import type { Control } from '../schemas/generated';
import { action } from './action';
import { followTopics, writeDecision, type ControlConfig } from './control-topic';
import { type ExitCode, exitCodes } from './exit-codes';
import { jsonOption, printResult, type OutputOptions } from './output';

interface Decided extends OutputOptions {
  readonly reason: string;
  readonly author: string;
  readonly yes?: boolean;
}

const processHelp = `${processNames.join(', ')}, or ${everyProcess}`;
const flagsHelp = `
Flags:
${Object.values(flagDefinitions)
  .map(({ name, doc, expects }) => `  ${name.padEnd(12)}${doc}; ${expects}`)
  .join('\n')}

Without --yes a command only shows what it would change. Processes follow within 5 seconds.`;

export function addFlagsCommand(program: Command): void {
  const flags = program
    .command('flags')
    .description('steer the processes while they work: pause, rate, concurrency, limit, dry run')
    .addHelpText('after', flagsHelp);
  flags
    .command('get')
    .description('the flags that are in force, with author, reason and expiry')
    .argument('[process]', processHelp)
    .option(...jsonOption)
    .action((process: string | undefined, options: OutputOptions) =>
      action<OutputOptions>((given) => getFlags(process, given))(options),
    );
  decided(flags.command('set').description('set a flag of one process, or of all'))
    .argument('<process>', processHelp)
    .argument('<flag>', Object.keys(flagDefinitions).join(', '))
    .argument('<value>')
    .option('--expires <duration>', 'when it ends by itself, like 2h or 1d12h')
    .action(
      (process: string, name: string, value: string, options: Decided & { expires?: string }) =>
        action<Decided & { expires?: string }>((given) =>
          setFlag({ ...given, process, name, value }),
        )(options),
    );
  decided(flags.command('unset').description('take a flag back'))
    .argument('<process>', processHelp)
    .argument('<flag>', Object.keys(flagDefinitions).join(', '))
    .action((process: string, name: string, options: Decided) =>
      action<Decided>((given) => unsetFlag({ ...given, process, name }))(options),
    );
}

const decided = (command: Command): Command =>
  command
    .requiredOption('--reason <text>', 'why; kept with the decision')
    .option('--author <name>', 'who decides', userInfo().username)
    .option('--yes', 'decide; without it only shows what would change')
    .option(...jsonOption);

async function getFlags(process: string | undefined, options: OutputOptions): Promise<ExitCode> {
  if (process !== undefined) refuse(refuseFlag(process, 'pause', null));
  const config = loadConfig(controlSchema, globalThis.process.env);
  const nowMs = systemClock.nowMs();
  const inForce = (await readFlags(config)).inForce(nowMs);
  const asked = inForce.filter((flag) => concerns(flag, process));
  const lines = asked.map((flag) => describeFlag(flag, nowMs));
  printResult(options, asked, lines.length > 0 ? lines : ['No flag is in force.']);
  return exitCodes.ok;
}

const concerns = (flag: FlagInForce, process: string | undefined): boolean =>
  process === undefined || flag.process === process || flag.process === everyProcess;

async function setFlag(
  options: Decided & { process: string; name: string; value: string; expires?: string },
): Promise<ExitCode> {
  const { process, name, value } = options;
  const decision = decideFlag(options, systemClock.nowMs());
  const config = loadConfig(controlSchema, globalThis.process.env);
  const before = await flagBefore(config, process, name);
  if (options.yes === true) await writeDecision(config, flagKey(process, name), decision);
  return show(options, before, `${name} of ${process} becomes ${value}`, decision.flag);
}

/** @throws ConfigError with the sentence that says what can be set. */
export function decideFlag(
  options: {
    readonly process: string;
    readonly name: string;
    readonly value: string;
    readonly reason: string;
    readonly author: string;
    readonly expires?: string;
  },
  nowMs: number,
): Control {
  const { process, name, value, reason, author, expires } = options;
  refuse(refuseFlag(process, name, value));
  refuseBlank(reason, author);
  const forMs = expires === undefined ? null : readDuration(expires);
  if (expires !== undefined && forMs === null) {
    throw new ConfigError(`--expires must be a duration like 2h, 90m or 1d12h, not ${expires}.`);
  }
  const expiresAtMs = forMs === null ? null : nowMs + forMs;
  return {
    kind: 'flag',
    author,
    reason,
    atMs: nowMs,
    acceptedDatabase: null,
    flag: { process, name, value, expiresAtMs },
    breaker: null,
  };
}

async function unsetFlag(options: Decided & { process: string; name: string }): Promise<ExitCode> {
  const { process, name, author, reason } = options;
  refuse(refuseFlag(process, name, null));
  refuseBlank(reason, author);
  const config = loadConfig(controlSchema, globalThis.process.env);
  const before = await flagBefore(config, process, name);
  if (before === undefined) {
    printResult(options, { before: null, changed: false }, [`${name} of ${process} is not set.`]);
    return exitCodes.ok;
  }
  if (options.yes === true) {
    await writeDecision(config, flagKey(process, name), null, { author, reason });
  }
  return show(options, before, `${name} of ${process} is taken back`, null);
}

function show(
  options: Decided,
  before: FlagInForce | undefined,
  change: string,
  after: Control['flag'],
): ExitCode {
  const nowMs = systemClock.nowMs();
  const changed = options.yes === true;
  const { author, reason } = options;
  const ends =
    after === null || after.expiresAtMs === null
      ? ''
      : `, for ${writeDuration(after.expiresAtMs - nowMs)}`;
  printResult(options, { before: before ?? null, after, author, reason, changed }, [
    ...(before === undefined ? [] : [`now: ${describeFlag(before, nowMs)}`]),
    `${change}${ends}, by ${author}: ${reason}`,
    changed
      ? 'Done: the processes follow within 5 seconds.'
      : 'Nothing was changed; --yes does it.',
  ]);
  return exitCodes.ok;
}

async function flagBefore(
  config: ControlConfig,
  process: string,
  name: string,
): Promise<FlagInForce | undefined> {
  const inForce = (await readFlags(config)).inForce(systemClock.nowMs());
  return inForce.find((flag) => flag.process === process && flag.name === name);
}

async function readFlags(config: ControlConfig): Promise<Flags> {
  const flags = new Flags();
  const onState = (key: string, value: Control | null): void => void flags.learn(value, key);
  const { end } = await followTopics(config, [{ name: topicNames.control, onState }]);
  await end();
  return flags;
}

export function describeFlag(flag: FlagInForce, nowMs: number): string {
  const { process, name, value, author, reason, atMs, expiresAtMs } = flag;
  const since = `since ${writeDuration(nowMs - atMs)}`;
  const until =
    expiresAtMs === null
      ? 'until it is taken back'
      : `for ${writeDuration(expiresAtMs - nowMs)} more`;
  return `${process}: ${name} ${value}, ${since}, ${until}, signed ${author}: ${reason}`;
}

function refuse(refusal: string | null): void {
  if (refusal !== null) throw new ConfigError(refusal);
}

function refuseBlank(reason: string, author: string): void {
  if (reason.trim() === '') throw new ConfigError('--reason must say why.');
  if (author.trim() === '') throw new ConfigError('--author must name who decides.');
}
