/** `afterbuild flags get|set|unset`: how operators steer running processes. */
import { userInfo } from 'node:os';
import { type Command, InvalidArgumentError } from 'commander';
import { flagKey } from '../lib/control/control-key';
import { readDuration, writeDuration } from '../lib/control/duration';
import { flagDefinitions, refuseFlag } from '../lib/control/flag-definitions';
import { type FlagInForce, Flags } from '../lib/control/flags';
import { everyProcess, processNames } from '../lib/process/processes';
import { topicNames } from '../lib/kafka/topics/topics';
import { systemClock } from '../lib/process/clock';
import { controlSchema, loadConfig } from '../lib/process/config';
import { UnreachableError } from '../lib/process/unreachable-error';
import type { Control } from '../schemas/generated';
import { action } from './action';
import { followTopics, writeDecision, type ControlConfig, type StateRecord } from './control-topic';
import { type ExitCode, exitCodes } from './exit-codes';
import { logFlags } from './flags-log';
import { refuseBlank } from './signature';
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
    .action((process: string | undefined, options: OutputOptions, command: Command) =>
      action<OutputOptions>((given) => getFlags(process, given))(options, command),
    );
  flags
    .command('log')
    .description('who has set and taken back which flag, when and why')
    .argument('[process]', processHelp)
    .option(...jsonOption)
    .action((process: string | undefined, options: OutputOptions, command: Command) =>
      action<OutputOptions>((given) => {
        if (process !== undefined) refuse(refuseFlag(process, 'pause', null));
        return logFlags(process, given);
      })(options, command),
    );
  decided(flags.command('set').description('set a flag of one process, or of all'))
    .argument('<process>', processHelp)
    .argument('<flag>', Object.keys(flagDefinitions).join(', '))
    .argument('<value>')
    .option('--expires <duration>', 'when it ends by itself, like 2h or 1d12h')
    .action(
      (
        process: string,
        name: string,
        value: string,
        options: Decided & { expires?: string },
        command: Command,
      ) =>
        action<Decided & { expires?: string }>((given) =>
          setFlag({ ...given, process, name, value }),
        )(options, command),
    );
  decided(flags.command('unset').description('take a flag back'))
    .argument('<process>', processHelp)
    .argument('<flag>', Object.keys(flagDefinitions).join(', '))
    .action((process: string, name: string, options: Decided, command: Command) =>
      action<Decided>((given) => unsetFlag({ ...given, process, name }))(options, command),
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
  const { flags, unread } = await readFlags(config);
  const inForce = flags.inForce(nowMs);
  const asked = inForce.filter((flag) => concerns(flag, process));
  const lines = asked.map((flag) => describeFlag(flag, nowMs));
  const none = unread === null ? 'No flag is in force.' : 'No flag is known to be in force.';
  printResult(options, asked, lines.length > 0 ? lines : [none]);
  if (unread !== null) throw new UnreachableError(unread);
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

/** @throws InvalidArgumentError with a sentence that lists the possible values. */
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
  refuseBlank({ reason, author });
  const forMs = expires === undefined ? null : readDuration(expires);
  if (expires !== undefined && forMs === null) {
    throw new InvalidArgumentError(
      `--expires must be a duration like 2h, 90m or 1d12h, not ${expires}.`,
    );
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
  refuseBlank({ reason, author });
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
  before: FlagInForce | 'unknown' | undefined,
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
    ...nowOf(before, nowMs),
    `${change}${ends}, by ${author}: ${reason}`,
    changed
      ? 'Done: the processes follow within 5 seconds.'
      : 'Nothing was changed; --yes does it.',
  ]);
  return exitCodes.ok;
}

function nowOf(before: FlagInForce | 'unknown' | undefined, nowMs: number): string[] {
  if (before === undefined) return [];
  if (before === 'unknown') return ['now: not known, the schema registry does not answer'];
  return [`now: ${describeFlag(before, nowMs)}`];
}

/** Steering does not wait for the registry: the earlier value is shown where it can be read. */
async function flagBefore(
  config: ControlConfig,
  process: string,
  name: string,
): Promise<FlagInForce | 'unknown' | undefined> {
  const { flags, unread } = await readFlags(config);
  const known = flags
    .inForce(systemClock.nowMs())
    .find((flag) => flag.process === process && flag.name === name);
  return known ?? (unread === null ? undefined : 'unknown');
}

async function readFlags(
  config: ControlConfig,
): Promise<{ readonly flags: Flags; readonly unread: string | null }> {
  const flags = new Flags();
  const onState = ({ key, value }: StateRecord<Control>): void => void flags.put(value, key);
  const { end, unread } = await followTopics(config, [{ name: topicNames.control, onState }]);
  const notRead = unread();
  await end();
  return { flags, unread: notRead };
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
  if (refusal !== null) throw new InvalidArgumentError(refusal);
}
