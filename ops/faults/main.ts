/** `npm run faults`: the scenarios with every fault in its full length, which takes hours. */
import { CommanderError } from 'commander';
import { listenForInterruption } from '../../lib/process/interruption';
import { runJest } from '../local/run-jest';
import { parseFaultsOptions } from './options';

const exitCodes = { passed: 0, failed: 1, usage: 2 } as const;

async function runFaults(chosen: readonly string[]): Promise<number> {
  const { signal } = listenForInterruption({
    source: process,
    nowMs: () => performance.now(),
    onSecond: () => process.exit(exitCodes.failed),
  });
  let code: number = exitCodes.passed;
  for (const project of ['scenarios', 'brokers']) {
    // The requested test may be in the other project.
    const args = ['--selectProjects', project, '--runInBand', '--verbose', '--passWithNoTests'];
    const isPassed = await runJest([...args, ...chosen], signal, { AFTERBUILD_FULL_FAULTS: '1' });
    if (!isPassed) code = exitCodes.failed;
  }
  return code;
}

async function main(): Promise<void> {
  try {
    process.exitCode = await runFaults(parseFaultsOptions(process.argv.slice(2)));
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    process.exitCode = error.exitCode === 0 ? exitCodes.passed : exitCodes.usage;
  }
}

void main();
