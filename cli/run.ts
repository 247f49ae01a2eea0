/** `afterbuild run <process>`: one process of the pipeline in the foreground, until a signal ends it. */
import { createRequire } from 'node:module';
import { Argument, type Command } from 'commander';
import type { Environment } from '../lib/process/config';

interface ProcessModule {
  /** Handles its own signals. @returns the exit code. */
  readonly run: (environment: Environment) => Promise<number>;
}

/** Each one is loaded only when it is asked for: a deleter needs nothing of a sweep's memory. */
export const processModules: Readonly<Record<string, string>> = {
  'expired-artifacts': '../producers/expired-artifacts/main',
  'finished-builds': '../producers/finished-builds/main',
  'artifact-deleter': '../consumers/artifact-deleter/main',
  'trace-archiver': '../consumers/trace-archiver/main',
};

const load = createRequire(__filename);

export function addRunCommand(program: Command): void {
  const names = Object.keys(processModules);
  program
    .command('run')
    .description('run one process of the pipeline in the foreground, as many times as you like')
    .addArgument(new Argument('<process>', 'which one').choices(names))
    .action(async (name: string) => {
      const { run } = load(processModules[name] ?? '') as ProcessModule;
      // It has ended: what a handler that hangs still holds open must not keep the process alive.
      process.exit(await run(process.env));
    });
}
