/** `npm test`: the static checks, then every test, and at the very end one line that counts them. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { projectRoot } from '../../lib/process/root';
import { listenForInterruption } from '../../lib/process/interruption';
import { stopServers } from './running-stack';
import { readStackFile } from './stack-file';

/** Where the servers of the scenarios are to keep their data; read by test/support/global-setup.ts. */
const testDataVariable = 'AFTERBUILD_TEST_DATA_DIR';

interface Count {
  readonly passed: number;
  readonly failed: number;
}

interface JestSummary {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numRuntimeErrorTestSuites: number;
}

/** The static gate, cheapest first; each counts as one test. */
const checks = ['format:check', 'lint', 'types', 'boundaries', 'schemas:check'];

/** A suite that could not even be loaded has no tests to count, yet it failed. */
export function countJest(summary: JestSummary): Count {
  return {
    passed: summary.numPassedTests,
    failed: summary.numFailedTests + summary.numRuntimeErrorTestSuites,
  };
}

export function addCounts(counts: readonly Count[]): Count {
  return counts.reduce(
    (sum, { passed, failed }) => ({ passed: sum.passed + passed, failed: sum.failed + failed }),
    { passed: 0, failed: 0 },
  );
}

/**
 * A group of its own: an interruption comes from us, and reaches also what jest has started, which jest
 * would leave behind. @returns whether it succeeded.
 */
function succeeds(
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

async function runCheck(script: string, signal: AbortSignal): Promise<Count> {
  const isPassed = await succeeds('npm', ['run', '--silent', script], signal);
  console.log(`${script}: ${isPassed ? 'passed' : 'failed'}`);
  return isPassed ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 };
}

async function runJest(
  project: 'unit' | 'scenarios',
  args: readonly string[],
  signal: AbortSignal,
): Promise<Count> {
  const folder = mkdtempSync(join(tmpdir(), 'afterbuild-tests-'));
  const outputFile = join(folder, 'summary.json');
  const dataDir = mkdtempSync(join(tmpdir(), 'afterbuild-test-'));
  const jest = join(projectRoot, 'node_modules/jest/bin/jest.js');
  try {
    const isPassed = await succeeds(
      process.execPath,
      [jest, '--selectProjects', project, '--json', `--outputFile=${outputFile}`, ...args],
      signal,
      { [testDataVariable]: dataDir },
    );
    const summary = JSON.parse(readFileSync(outputFile, 'utf8')) as JestSummary;
    const count = countJest(summary);
    // It may fail for another reason than a test, for example when its stack cannot be stopped.
    return isPassed || count.failed > 0 ? count : { ...count, failed: 1 };
  } catch (error) {
    console.error(`The ${project} tests could not be counted: ${String(error)}`);
    return { passed: 0, failed: 1 };
  } finally {
    // jest stops its servers itself, unless it was ended before it could.
    if (readStackFile(dataDir) !== undefined) await stopServers(dataDir);
    for (const own of [folder, dataDir]) rmSync(own, { recursive: true, force: true });
  }
}

async function main(): Promise<void> {
  const { signal } = listenForInterruption({
    source: process,
    nowMs: () => performance.now(),
    onSecond: () => process.exit(1),
  });
  const counts: Count[] = [];
  for (const script of checks) counts.push(await runCheck(script, signal));
  counts.push(await runJest('unit', [], signal));
  counts.push(await runJest('scenarios', ['--runInBand'], signal));
  const { passed, failed } = addCounts(counts);
  process.exitCode = failed === 0 ? 0 : 1;
  console.log(`${passed} passed, ${failed} failed`);
}

if (require.main === module) void main();
