/** The command line of `npm run faults`: which scenarios to run, as arguments of jest. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { projectRoot } from '../../lib/process/root';

interface Given {
  readonly testPathPatterns?: readonly string[];
  readonly testNamePattern?: string;
  readonly bail: boolean;
  readonly all: boolean;
}

const folders = ['test/scenarios', 'test/conformance'];

function pattern(text: string): RegExp {
  try {
    return new RegExp(text, 'i');
  } catch {
    throw new InvalidArgumentError('It must be a regular expression.');
  }
}

const fileNames = (): string[] =>
  folders.flatMap((folder) =>
    readdirSync(join(projectRoot, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.test.ts'))
      .map((name) => `${folder}/${name}`),
  );

const longForms = /^import [^;]*\b(longOutageMs|inFull|isFull|longTest)\b[^;]*\/support\//m;

/** The files with faults that `npm test` has in short: only these have more to show in full length. */
const longFiles = (): string[] =>
  fileNames().filter((name) => longForms.test(readFileSync(join(projectRoot, name), 'utf8')));

/** A pattern that fits nothing would look like hours that all went well. */
function filePattern(text: string, earlier: readonly string[] = []): string[] {
  const wanted = pattern(text);
  if (!fileNames().some((name) => wanted.test(join(projectRoot, name)))) {
    throw new InvalidArgumentError(`No file of ${folders.join(' or ')} fits it.`);
  }
  return [...earlier, text];
}

function namePattern(text: string): string {
  pattern(text);
  return text;
}

/**
 * @returns arguments for jest.
 * @throws CommanderError, with its sentence or the help printed, when an argument is wrong or help is wanted.
 */
export function parseFaultsOptions(args: readonly string[]): string[] {
  const command = new Command('npm run faults --')
    .description(
      'Runs the scenarios whose faults npm test has in short, in their full length, on servers of their own: hours.\n' +
        'Exit codes: 0 all passed, 1 something failed, 2 wrong usage.',
    )
    .argument('[patterns...]', 'the files whose names match', filePattern)
    .option('--testPathPatterns <pattern...>', 'the same, by its name in jest', filePattern)
    .option('-t, --testNamePattern <pattern>', 'the tests whose names match', namePattern)
    .option('--bail', 'end with the first file that fails', false)
    .option('--all', 'also the scenarios that are the same in npm test', false)
    .addHelpText(
      'after',
      "\nExamples:\n  $ npm run faults -- an-outage\n  $ npm run faults -- -t 'killed'",
    )
    .showHelpAfterError('(npm run faults -- --help explains it)')
    .exitOverride();
  command.parse(args, { from: 'user' });
  const { testPathPatterns = [], testNamePattern, bail, all } = command.opts<Given>();
  const named = [...testPathPatterns, ...command.args];
  const files = named.length > 0 || all ? named : longFiles();
  return [
    ...(files.length === 0 ? [] : ['--testPathPatterns', ...files]),
    ...(testNamePattern === undefined ? [] : ['--testNamePattern', testNamePattern]),
    ...(bail ? ['--bail'] : []),
  ];
}
