/** All commands of `afterbuild`; the help text is their documentation. */
import { Command } from 'commander';
import { addAcceptDatabaseCommand } from './accept-database';
import { pathOf } from './action';
import { addConnectCommand } from './connect';
import { addDlqCommand } from './dlq/dlq';
import { exitCodesHelp } from './exit-codes';
import { addFlagsCommand } from './flags';
import { addReconcileCommand } from './reconcile';
import { addReplayCommand } from './replay/replay';
import { addRunCommand } from './run';
import { addSchemasCommand } from './schemas';
import { addStatusCommand } from './status';
import { addTopicsCommand } from './topics';
import { addUiCommand } from './ui/ui';

export function createProgram(): Command {
  const program = new Command('afterbuild')
    .description(
      'What happens after a build: expired artifacts are deleted, row and object, on Kafka.',
    )
    .addHelpText(
      'after',
      `${exitCodesHelp}\n\nSettings come from the environment; .env.example lists them.`,
    );
  addRunCommand(program);
  addTopicsCommand(program);
  addConnectCommand(program);
  addSchemasCommand(program);
  addDlqCommand(program);
  addReplayCommand(program);
  addReconcileCommand(program);
  addFlagsCommand(program);
  addStatusCommand(program);
  addUiCommand(program);
  addAcceptDatabaseCommand(program);
  for (const command of everyOne(program)) {
    command.exitOverride().showHelpAfterError(`(${pathOf(command)} --help explains it)`);
  }
  return program;
}

const everyOne = (command: Command): Command[] => [command, ...command.commands.flatMap(everyOne)];
