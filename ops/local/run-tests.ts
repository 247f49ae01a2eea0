/** `npm test`: the static checks, then every test, and at the very end one line that counts them. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { listenForInterruption } from '../../lib/process/interruption';
import { runJest, succeeds } from './run-jest';

interface Count {
  readonly passed: number;
  readonly failed: number;
}

interface JestSummary {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numRuntimeErrorTestSuites: number;
}

const usage = 2;

/** The static gate, cheapest first; each counts as one test. */
const checks = ['format:check', 'lint', 'types', 'boundaries', 'exports', 'schemas:check'];

/** A suite that could not be loaded has no tests to count, yet it failed. */
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

async function runCheck(script: string, signal: AbortSignal): Promise<Count> {
  const isPassed = await succeeds('npm', ['run', '--silent', script], signal);
  console.log(`${script}: ${isPassed ? 'passed' : 'failed'}`);
  return isPassed ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 };
}

async function countProject(
  project: 'unit' | 'scenarios' | 'brokers',
  args: readonly string[],
  signal: AbortSignal,
): Promise<Count> {
  const folder = mkdtempSync(join(tmpdir(), 'afterbuild-tests-'));
  const outputFile = join(folder, 'summary.json');
  try {
    const isPassed = await runJest(
      ['--selectProjects', project, '--json', `--outputFile=${outputFile}`, ...args],
      signal,
    );
    const summary = JSON.parse(readFileSync(outputFile, 'utf8')) as JestSummary;
    const count = countJest(summary);
    // It may fail for another reason than a test, for example when its stack cannot be stopped.
    return isPassed || count.failed > 0 ? count : { ...count, failed: 1 };
  } catch (error) {
    console.error(`The ${project} tests could not be counted: ${String(error)}`);
    return { passed: 0, failed: 1 };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const help = `Usage: npm test

Runs everything: the static checks, then the unit, conformance and scenario tests on the real servers. It takes no
arguments; README, Development, tells how to run some of it.

Exit codes: 0 all passed, 1 something failed, 2 wrong usage.`;

/**
 * With anything but all of it the line at the end would say too little.
 * @returns whether it has answered, so that nothing is run.
 */
function answerArguments(args: readonly string[]): boolean {
  if (args.length === 0) return false;
  if (args.includes('--help') || args.includes('-h')) {
    console.log(help);
    return true;
  }
  console.error(
    `npm test runs everything and does not know ${args.join(' ')}: README, Development, tells how to run some of it.`,
  );
  process.exitCode = usage;
  return true;
}

async function main(): Promise<void> {
  if (answerArguments(process.argv.slice(2))) return;
  const { signal } = listenForInterruption({
    source: process,
    nowMs: () => performance.now(),
    onSecond: () => process.exit(1),
  });
  const counts: Count[] = [];
  for (const script of checks) counts.push(await runCheck(script, signal));
  counts.push(await countProject('unit', [], signal));
  // One after the other: two stacks at once need more memory than a small machine has.
  counts.push(await countProject('scenarios', ['--runInBand'], signal));
  counts.push(await countProject('brokers', ['--runInBand'], signal));
  const { passed, failed } = addCounts(counts);
  process.exitCode = failed === 0 ? 0 : 1;
  console.log(`${passed} passed, ${failed} failed`);
}

if (require.main === module) void main();
