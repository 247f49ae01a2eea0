/** The command line options of `npm run soak`. */
import { join } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { projectRoot } from '../../lib/process/root';

export interface SoakOptions {
  readonly minutes: number;
  readonly randomSeed: number;
  /** For each of the four processes. */
  readonly instances: number;
  /** Of Kafka; three brokers require a login over TLS, and check rights. */
  readonly brokers: 1 | 3;
  readonly data: string;
}

interface Given extends Omit<SoakOptions, 'brokers' | 'data'> {
  readonly brokers: '1' | '3';
  readonly data?: string;
}

/** Each shape of the stack has a folder of its own: one cannot become the other. */
const folderOf = (brokers: 1 | 3): string =>
  join(projectRoot, brokers === 1 ? '.afterbuild/soak' : '.afterbuild/soak-of-3');

const within =
  (least: number, most: number) =>
  (text: string): number => {
    const number = Number(text);
    if (/^\d+$/.test(text) && number >= least && number <= most) return number;
    throw new InvalidArgumentError(`It must be a whole number from ${least} to ${most}.`);
  };

function option(flags: string, description: string, least: number, most: number, value: number) {
  return new Option(flags, description).argParser(within(least, most)).default(value);
}

/** @throws CommanderError, after it has printed the reason, for a wrong argument or a request for help. */
export function parseSoakOptions(args: readonly string[]): SoakOptions {
  const command = new Command('npm run soak --')
    .description(
      'Runs the whole pipeline on real servers while processes are killed, networks fail and servers restart\n' +
        'at random moments; then lets it finish and checks the invariants.\n' +
        'Exit codes: 0 they hold, 1 they are broken or something failed, 2 wrong usage, 130 interrupted.',
    )
    .addOption(option('--minutes <n>', 'how long the faults last', 1, 10_080, 30))
    .addOption(option('--random-seed <n>', 'the same number, the same faults', 0, 4_294_967_295, 1))
    .addOption(option('--instances <n>', 'of each of the four processes', 1, 12, 2))
    .addOption(
      new Option('--brokers <n>', 'of Kafka; three are secure, and fail one at a time')
        .choices(['1', '3'])
        .default('1'),
    )
    .option('--data <dir>', 'where everything is kept (default: below .afterbuild)')
    .allowExcessArguments(false)
    .showHelpAfterError('(npm run soak -- --help explains it)')
    .exitOverride();
  const given = command.parse(args, { from: 'user' }).opts<Given>();
  const brokers = given.brokers === '3' ? 3 : 1;
  return { ...given, brokers, data: given.data ?? folderOf(brokers) };
}
