/** All commands of `afterbuild`; the help text is their documentation. */
import { Command } from 'commander';
import { addConnectCommand } from './connect';
import { exitCodesHelp } from './exit-codes';
import { addRunCommand } from './run';
import { addSchemasCommand } from './schemas';

export function createProgram(): Command {
  const program = new Command('afterbuild')
    .description(
      'What happens after a build: expired artifacts are deleted, row and object, on Kafka.',
    )
    .showHelpAfterError('(afterbuild --help lists the commands)')
    .addHelpText(
      'after',
      `${exitCodesHelp}\n\nSettings come from the environment; .env.example lists them.`,
    );
  addRunCommand(program);
  addConnectCommand(program);
  addSchemasCommand(program);
  return program;
}
