/** Runs one tool to its end and passes on its output line by line; used to fetch the servers. */
import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';

export interface CommandOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly uid?: number;
  readonly gid?: number;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
  readonly onLine?: (line: string) => void;
}

/** The tool failed; `output` holds its last lines. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  constructor(
    readonly command: string,
    readonly reason: string,
    readonly output: string,
    readonly exitCode?: number,
  ) {
    super(`${command} ${reason}.${output === '' ? '' : `\n${output}`}`);
  }
}

const keptLines = 40;

function endGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGTERM');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** @throws CommandError when the tool cannot be started, fails, or takes longer than `timeoutMs`. */
export function runCommand(
  command: string,
  args: readonly string[],
  options: CommandOptions,
): Promise<string> {
  const { uid, gid, cwd, env, timeoutMs, onLine } = options;
  const last: string[] = [];
  const signals = [AbortSignal.timeout(timeoutMs), ...(options.signal ? [options.signal] : [])];
  const child = spawn(command, args, {
    cwd,
    // A group of its own: this process handles a terminal's Ctrl-C, and then also ends the children of the tool.
    detached: true,
    env: env === undefined ? process.env : { ...process.env, ...env },
    ...(uid === undefined ? {} : { uid }),
    ...(gid === undefined ? {} : { gid }),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ending = AbortSignal.any(signals);
  const end = (): void => endGroup(child);
  if (ending.aborted) end();
  ending.addEventListener('abort', end);
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', (line) => {
      last.push(line);
      if (last.length > keptLines) last.shift();
      onLine?.(line);
    });
  }
  return new Promise((resolve, reject) => {
    const fail = (reason: string, exitCode?: number): void =>
      reject(new CommandError(command, reason, last.join('\n'), exitCode));
    child.on('error', (error) => fail(`could not be started (${error.message})`));
    child.on('close', (code, signal) => {
      ending.removeEventListener('abort', end);
      if (ending.aborted) fail('was stopped or took too long');
      else if (code === 0) resolve(last.join('\n'));
      else if (code !== null) fail(`ended with exit code ${code}`, code);
      else fail(`ended with ${String(signal)}`);
    });
  });
}
