/** Starts a TypeScript program of test/support in a process of its own that can send messages. */
import { fork, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';

interface ChildOptions {
  readonly args?: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** For node itself, for example `--expose-gc`. */
  readonly nodeFlags?: readonly string[];
}

/** @param program file name without its ending. */
export function startChild(
  program: string,
  { args = [], env, nodeFlags = [] }: ChildOptions,
): ChildProcess {
  return fork(join(__dirname, `${program}.ts`), args, {
    execArgv: ['--import', 'tsx', ...nodeFlags],
    env: { ...process.env, ...env },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
}

/** The one message that a program sends before it ends. @throws Error when it ends without one, or with an error. */
export function answerOf<T>(child: ChildProcess): Promise<T> {
  return new Promise((resolve, reject) => {
    let answer: T | undefined;
    child.once('message', (message) => (answer = message as T));
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      if (code === 0 && answer !== undefined) resolve(answer);
      else reject(new Error(`the child ended with ${signal ?? code}, without an answer`));
    });
  });
}
