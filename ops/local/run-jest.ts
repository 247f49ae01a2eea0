/** Runs jest so that no process of it is left behind, however it ends. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { projectRoot } from '../../lib/process/root';
import { stopServers } from './stack/running-stack';
import { readStackFile } from './stack/stack-file';

/** Where the servers of the scenarios keep their data; read by test/support/stack/global-setup.ts. */
const testDataVariable = 'AFTERBUILD_TEST_DATA_DIR';

/**
 * A group of its own: this process passes on an interruption, and then also ends the children of jest, which jest would
 * leave behind. @returns whether it succeeded.
 */
export function succeeds(
  file: string,
  args: readonly string[],
  signal: AbortSignal,
  environment: Readonly<Record<string, string>> = {},
): Promise<boolean> {
  if (signal.aborted) return Promise.resolve(false);
  const env = { ...process.env, ...environment };
  const child = spawn(file, args, { cwd: projectRoot, stdio: 'inherit', detached: true, env });
  const stop = (): void => {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGTERM');
  };
  signal.addEventListener('abort', stop, { once: true });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => {
      signal.removeEventListener('abort', stop);
      resolve(code === 0);
    });
  });
}

/** @returns whether all went well. The servers of the scenarios are stopped, also those of an interrupted jest. */
export async function runJest(
  args: readonly string[],
  signal: AbortSignal,
  environment: Readonly<Record<string, string>> = {},
): Promise<boolean> {
  const dataDir = mkdtempSync(join(tmpdir(), 'afterbuild-test-'));
  const jest = join(projectRoot, 'node_modules/jest/bin/jest.js');
  try {
    return await succeeds(process.execPath, [jest, ...args], signal, {
      ...environment,
      [testDataVariable]: dataDir,
    });
  } finally {
    // jest stops its servers itself, unless it was ended before it could.
    for (const folder of [dataDir, join(dataDir, 'brokers')]) {
      if (readStackFile(folder) !== undefined) await stopServers(folder);
    }
    rmSync(dataDir, { recursive: true, force: true });
  }
}
