/** `afterbuild dlq list|show|redrive|park`: the commands of an operator for dead letters. */
import { userInfo } from 'node:os';
import type { Command } from 'commander';
import { action } from '../action';
import { list } from './list';
import { positive, wholeNumber, withFilters } from './options';
import { park } from './park';
import { redriveCommand } from './redrive';
import { show } from './show';

const examples = (...lines: readonly string[]): string =>
  `\nExamples:\n${lines.map((line) => `  $ afterbuild dlq ${line}`).join('\n')}`;

export function addDlqCommand(program: Command): void {
  const dlq = program
    .command('dlq')
    .description(
      'dead letters: records that a group could not handle (docs/runbooks/dead-letters.md)',
    );
  addList(dlq);
  addShow(dlq);
  addRedrive(dlq);
  addPark(dlq);
}

function addList(dlq: Command): void {
  const command = dlq
    .command('list')
    .description('count what waits on each dead-letter topic, by reason and class of error');
  withFilters(command, 'causes to print of a topic (default: 20)')
    .addHelpText('after', examples('list', 'list --group artifact-deleter --since 6h --json'))
    .action(action(list));
}

function addShow(dlq: Command): void {
  const command = dlq
    .command('show')
    .description('show single dead letters: origin, failures, headers and the decoded value');
  withFilters(command, 'how many at most (default: 10)')
    .option('--all', 'include those that were redriven or parked')
    .option('--bytes', 'the first 64 bytes of a value that cannot be decoded, in hexadecimal')
    .addHelpText(
      'after',
      examples(
        'show --topic artifacts.expired --partition 1 --offset 4',
        'show --group trace-archiver --reason not-a-value --limit 3 --bytes',
      ),
    )
    .action(action(show));
}

function addRedrive(dlq: Command): void {
  const command = dlq
    .command('redrive')
    .description('write dead letters back to their topics; without --yes it only shows the plan');
  withFilters(command, 'how many at most of each topic (default: all)')
    .option('--yes', 'do it')
    .option('--rate <per second>', 'records written a second, of one topic', positive, 50)
    .option('--canary', 'one record first; the others only when its group has handled it')
    .option('--canary-seconds <seconds>', 'how long the canary may take', positive, 120)
    .option('--returned-max <count>', 'stop when so many are dead letters again', positive, 20)
    .option(
      '--redrives-max <count>',
      'refuse records that came back after so many redrives',
      wholeNumber,
      3,
    )
    .option('--force', 'redrive those that came back too often, too')
    .option('--author <name>', 'who decides', userInfo().username)
    .option('--why <text>', 'why; kept with the decision', '')
    .addHelpText(
      'after',
      examples(
        'redrive --group artifact-deleter --reason not-a-value',
        'redrive --group artifact-deleter --reason not-a-value --canary --yes --why "registry repaired"',
        'redrive --topic builds.finished --limit 1000 --rate 200 --yes',
      ),
    )
    .action(action(redriveCommand));
}

function addPark(dlq: Command): void {
  const command = dlq
    .command('park')
    .description(
      'move dead letters to <topic>.<group>.parked for good; without --yes it only shows the plan',
    );
  withFilters(command, 'how many at most of each topic (default: all)')
    .requiredOption('--why <text>', 'why; kept with the record')
    .option('--author <name>', 'who decides', userInfo().username)
    .option('--rate <per second>', 'records written a second, of one topic', positive, 500)
    .option('--yes', 'do it')
    .addHelpText(
      'after',
      examples(
        'park --topic artifacts.expired --partition 1 --offset 4 --why "written by a test" --yes',
      ),
    )
    .action(action(park));
}
