/** Reads how a program refuses to start: its exit code, and its message to the operator. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { projectRoot } from '../../../lib/process/root';
import { RunningProcess } from './running-process';
import { until } from '../until';

export interface Refusal {
  readonly code: number | null;
  /** Errors only, a line each. */
  readonly said: readonly string[];
}

/** Starts `afterbuild <args>`, which must end by itself within a minute. */
export async function refusalOf(
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): Promise<Refusal> {
  const given = Object.entries(environment).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, value] as const],
  );
  const process = new RunningProcess(args.join(' '), args, Object.fromEntries(given));
  try {
    await until(`${process.name} ends by itself`, () => process.exit !== undefined);
  } finally {
    if (!process.exit) process.kill('SIGKILL');
  }
  const { code } = await process.exited;
  const errors = process.lines.filter(({ level }) => level === 'error' || level === 'fatal');
  return { code, said: [...errors.map(({ msg }) => msg), ...process.noise] };
}

/** Runs one of the compiled or plain programs of the project to its end, a minute at most. */
export function programEnd(
  path: string,
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): Refusal & { readonly printed: string } {
  const run = spawnSync(process.execPath, [join(projectRoot, path), ...args], {
    encoding: 'utf8',
    env: { ...process.env, ...environment },
    timeout: 60_000,
    killSignal: 'SIGKILL',
  });
  return { code: run.status, said: run.stderr.trimEnd().split('\n'), printed: run.stdout };
}

/** Its message is one sentence that names all of that. */
export function expectSentence(refusal: Refusal, exitCode: number, ...naming: RegExp[]): void {
  expect(refusal).toEqual({ code: exitCode, said: [expect.any(String)] });
  for (const name of naming) expect(refusal.said[0]).toMatch(name);
}
