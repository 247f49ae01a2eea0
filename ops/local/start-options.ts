/** The command line options of `npm start`. */
import { join } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { projectRoot } from '../../lib/process/root';

export interface StartOptions {
  /** Ends when the seeded work is done, instead of going on with a trickle of new work. */
  readonly once: boolean;
  readonly builds: number;
  readonly artifacts: number;
  readonly randomSeed: number;
  readonly data: string;
  readonly keep: boolean;
}

/** Where everything is kept unless `--data` names another folder. */
export const defaultDataDir = join(projectRoot, '.afterbuild/start');

const wholeNumber =
  (least: number, most: number) =>
  (text: string): number => {
    const number = Number(text);
    if (/^\d+$/.test(text) && number >= least && number <= most) return number;
    throw new InvalidArgumentError(`It must be a whole number from ${least} to ${most}.`);
  };

function option(flags: string, description: string, least: number, most: number, value: number) {
  return new Option(flags, description).argParser(wholeNumber(least, most)).default(value);
}

/** @throws CommanderError, after it has printed the reason, for a wrong argument or a request for help. */
export function parseStartOptions(args: readonly string[]): StartOptions {
  const command = new Command('npm start --')
    .description(
      'Starts all servers, seeds a small GitLab and deletes its expired artifacts, row and object.\n' +
        'Exit codes: 0 done, 1 failed or an invariant is broken, 2 wrong usage, 3 a tool is missing, a port is taken or a disk is too full, 4 already running here, 130 interrupted.',
    )
    .option('--once', 'end when the seeded work is done and checked', false)
    .addOption(option('--builds <n>', 'builds with a trace', 0, 1_000_000, 500))
    .addOption(option('--artifacts <n>', '80 % of them may go', 10, 10_000_000, 25_000))
    .addOption(
      option('--random-seed <n>', 'the same number gives the same work', 0, 4_294_967_295, 1),
    )
    .option('--data <dir>', 'where everything is kept', defaultDataDir)
    .option('--keep', 'keep the data at the end; the next run with --keep goes on with it', false)
    .allowExcessArguments(false)
    .showHelpAfterError('(npm start -- --help explains it)')
    .exitOverride();
  return command.parse(args, { from: 'user' }).opts<StartOptions>();
}
