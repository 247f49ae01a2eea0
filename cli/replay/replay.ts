/** `afterbuild replay plan|run|status|pause|resume|cancel`: records of a topic are handled once more. */
import { userInfo } from 'node:os';
import type { Command } from 'commander';
import type { Wish } from '../../lib/replay/record';
import { action, reported } from '../action';
import { withName, withRange, type NameOptions, type RangeOptions } from './options';
import { plan } from './plan';
import { run, type RunOptions } from './run';
import { status } from './status';
import { steer, type SteerOptions } from './steer';

const examples = (...lines: readonly string[]): string =>
  `\nExamples:\n${lines.map((line) => `  $ afterbuild replay ${line}`).join('\n')}`;

const about = `
It runs the process's own work in this command, as a group of its own (<process>.replay): the offsets of the live
group stay as they are, and records that it has not committed are not taken. It needs the settings of the process
(\`afterbuild run <process>\`) and the rights of docs/runbooks/on-your-gitlab.md, section 4. Which topic for which
outage: docs/runbooks/replay-after-an-outage.md.`;

export function addReplayCommand(program: Command): void {
  const replay = program
    .command('replay')
    .description('have records of a topic handled once more, beside the live work')
    .addHelpText('after', about);
  withRange(replay.command('plan').description('which records, what is done already, how long'))
    .addHelpText(
      'after',
      examples(
        'plan --process artifact-deleter --since-outage 6h',
        'plan --topic builds.finished --from 2026-05-01T10:00:00Z --to 2026-05-01T11:00:00Z',
      ),
    )
    .action(action<RangeOptions>(plan));
  decided(
    withRange(replay.command('run')).description(
      'begin it, or go on with it when no range is given; without --yes it only shows the plan',
    ),
  )
    .addHelpText(
      'after',
      examples(
        'run --process artifact-deleter --since-outage 6h --reason "the bucket was rolled back" --yes',
        'run --process artifact-deleter --reason "goes on after a restart" --yes',
        'run --topic builds.finished --partition 3 --from offset:1200 --to offset:1300 --reason "a test" --yes',
      ),
    )
    .action(reported<RunOptions>(run));
  withName(replay.command('status').description('replays that are not over, and how far they are'))
    .addHelpText('after', examples('status', 'status --process trace-archiver --json'))
    .action(action<NameOptions>(status));
  steering(replay, 'pause', 'pause', 'begin nothing new; the run stays');
  steering(replay, 'resume', 'run', 'go on after a pause');
  steering(replay, 'cancel', 'cancel', 'end it for good; what is done stays done');
}

function steering(replay: Command, name: string, wish: Wish, description: string): void {
  decided(withName(replay.command(name)).description(description))
    .addHelpText(
      'after',
      examples(`${name} --process artifact-deleter --reason "S3 is slow" --yes`),
    )
    .action(action<SteerOptions>((options) => steer(wish, options)));
}

const decided = (command: Command): Command =>
  command
    .option('--reason <text>', 'why; kept with the decision', '')
    .option('--author <name>', 'who decides', userInfo().username)
    .option('--yes', 'do it');
