/** One row of a matrix: `npm start -- --once` on servers of given versions, in a folder of its own. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { projectRoot } from '../../lib/process/root';
import { CommandError, runCommand } from '../local/fetch/run-command';
import {
  formatServerVersions,
  serverVersionsVariable,
  type ServerVersions,
} from '../local/fetch/server-versions';

export interface Result {
  readonly title: string;
  readonly passed: boolean;
  readonly seconds: number;
  /** The last line of the run: the state of the stores, or the failure. */
  readonly says: string;
}

const limitMs = 20 * 60_000;

const lastLine = (text: string): string => text.trim().split('\n').at(-1) ?? '';

/** @param versions of the parts that differ from the pinned ones. */
export async function runMainJob(
  title: string,
  versions: ServerVersions,
  signal: AbortSignal,
): Promise<Result> {
  const data = mkdtempSync(join(tmpdir(), 'afterbuild-matrix-'));
  const startedMs = performance.now();
  const program = join(projectRoot, 'dist/ops/local/start.js');
  const size = ['--builds', '100', '--artifacts', '5000'];
  console.error(`${title}: running the main job`);
  const end = (passed: boolean, says: string): Result => {
    if (passed) rmSync(data, { recursive: true, force: true });
    const seconds = Math.round((performance.now() - startedMs) / 1_000);
    return { title, passed, seconds, says: passed ? says : `${says} (data: ${data})` };
  };
  try {
    const flags = ['--enable-source-maps', '--disable-warning=TimeoutNegativeWarning'];
    const output = await runCommand(
      process.execPath,
      [...flags, program, '--once', '--data', data, ...size],
      {
        env: { ...process.env, [serverVersionsVariable]: formatServerVersions(versions) },
        timeoutMs: limitMs,
        signal,
      },
    );
    return end(true, lastLine(output));
  } catch (error) {
    if (error instanceof CommandError)
      return end(false, `${error.reason}: ${lastLine(error.output)}`);
    throw error;
  }
}

export function describeResults(results: readonly Result[]): string[] {
  const width = Math.max(...results.map(({ title }) => title.length));
  return results.map(
    ({ title, passed, seconds, says }) =>
      `${title.padEnd(width)}  ${passed ? 'passed' : 'FAILED'}  ${String(seconds).padStart(4)} s  ${says}`,
  );
}
