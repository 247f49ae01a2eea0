/** Sets up empty servers for the pipeline: database, bucket, topics, connector. */
import { join } from 'node:path';
import { projectRoot } from '../../lib/process/root';
import { exitCodes } from '../../lib/process/exit-codes';
import { applySourceSchema } from '../gitlab/schema';
import { makeBucket } from './connected-gitlab';
import { readSecretFile } from './stack/data-folder';
import { CommandError, runCommand } from './fetch/run-command';
import type { RunningStack } from './stack/running-stack';
import { stackEnvironment, type DatabaseRole, type StackScope } from './stack/stack-environment';

const commandLimitMs = 180_000;
/** On a busy machine a server that has just started may be too slow for a command's own limits. */
const attemptsMax = 5;

async function attempt(
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
  signal?: AbortSignal,
): Promise<string | CommandError> {
  const program = join(projectRoot, 'dist/cli/main.js');
  const flags = ['--enable-source-maps', '--disable-warning=TimeoutNegativeWarning'];
  try {
    return await runCommand(process.execPath, [...flags, program, ...args], {
      env: environment,
      timeoutMs: commandLimitMs,
      signal,
    });
  } catch (error) {
    if (error instanceof CommandError) return error;
    throw error;
  }
}

/**
 * Runs `afterbuild <args>` as an operator would, again when it reports that a server did not answer.
 * @throws Error with the output of the command.
 */
export async function runAfterbuild(
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
  signal?: AbortSignal,
): Promise<string> {
  for (let attempts = 1; ; attempts += 1) {
    const result = await attempt(args, environment, signal);
    if (typeof result === 'string') return result;
    signal?.throwIfAborted();
    if (result.exitCode === exitCodes.unreachable && attempts < attemptsMax) continue;
    const command = `afterbuild ${args.join(' ')}`;
    throw new Error(`${command} ${result.reason}:\n${result.output}`, { cause: result });
  }
}

interface PrepareOptions {
  readonly scope: StackScope;
  readonly log: (line: string) => void;
  readonly signal: AbortSignal;
}

/** Safe to repeat: each step leaves existing things alone. */
export async function prepareStack(stack: RunningStack, options: PrepareOptions): Promise<void> {
  const { scope, log, signal } = options;
  const { postgres } = stack.addresses;
  const password = (name: Parameters<typeof readSecretFile>[1]): string =>
    readSecretFile(stack.dataDir, name);
  await applySourceSchema(
    {
      host: postgres.host,
      port: postgres.port,
      user: postgres.superuser,
      password: password('postgres-superuser'),
    },
    {
      database: scope.database,
      passwords: {
        gitlab: password('postgres-gitlab'),
        afterbuild_cdc: password('postgres-cdc'),
        afterbuild_reader: password('postgres-reader'),
        afterbuild_deleter: password('postgres-deleter'),
        afterbuild_archiver: password('postgres-archiver'),
      },
    },
  );
  log(`database ${scope.database} has GitLab's tables and the pipeline's roles`);
  await makeBucket(stack, scope);
  log(`bucket ${scope.bucket} is there, tagged ${scope.bucketTag}`);
  const steps: readonly (readonly [string, DatabaseRole, readonly string[]])[] = [
    ['topics are there', 'reader', ['topics', 'apply']],
    ['schemas are registered', 'reader', ['schemas', 'register']],
    ['the connector streams', 'cdc', ['connect', 'apply']],
  ];
  for (const [done, role, args] of steps) {
    await runAfterbuild(args, stackEnvironment(stack, role, scope), signal);
    log(done);
  }
}
