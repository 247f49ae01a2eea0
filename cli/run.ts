/** `afterbuild run <process>`: one process of the pipeline in the foreground, until a signal ends it. */
import { createRequire } from 'node:module';
import { Argument, type Command } from 'commander';
import type { Environment } from '../lib/process/config';

interface ProcessModule {
  /** Handles its own signals. @returns the exit code. */
  readonly run: (environment: Environment) => Promise<number>;
}

/** Each process is loaded on demand: a deleter needs no memory for a sweep. */
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
      // The process has ended: open resources of a handler that hangs must not keep it alive.
      process.exit(await run(process.env));
    });
}
