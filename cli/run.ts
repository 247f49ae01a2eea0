/** `afterbuild run <process>`: one process of the pipeline in the foreground, until a signal ends it. */
import { createRequire } from 'node:module';
import { Argument, type Command } from 'commander';
import type { Environment } from '../lib/process/config';
import { processNames, processes, type ProcessName } from '../lib/process/processes';

interface ProcessModule {
  /** Handles its own signals. @returns the exit code. */
  readonly run: (environment: Environment) => Promise<number>;
}

/** Each process is loaded on demand: a deleter needs no memory for a sweep. */
const moduleOf = (name: ProcessName): string => `../${processes[name].kind}s/${name}/main`;

const load = createRequire(__filename);

export function addRunCommand(program: Command): void {
  program
    .command('run')
    .description('run one process of the pipeline in the foreground, as many times as you like')
    .addArgument(new Argument('<process>', 'which one').choices(processNames))
    .action(async (name: ProcessName) => {
      const { run } = load(moduleOf(name)) as ProcessModule;
      // The process has ended: open resources of a handler that hangs must not keep it alive.
      process.exit(await run(process.env));
    });
}
