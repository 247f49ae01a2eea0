/** `npm run faults`: the scenarios with every fault in its full length, which takes hours; other arguments go to jest. */
import { listenForInterruption } from '../../lib/process/interruption';
import { runJest } from '../local/run-jest';

async function main(): Promise<void> {
  const { signal } = listenForInterruption({
    source: process,
    nowMs: () => performance.now(),
    onSecond: () => process.exit(1),
  });
  process.exitCode = 0;
  for (const project of ['scenarios', 'brokers']) {
    const given = process.argv.slice(2);
    // What is asked for may be in the other project.
    const args = ['--selectProjects', project, '--runInBand', '--verbose', '--passWithNoTests'];
    const isPassed = await runJest([...args, ...given], signal, { AFTERBUILD_FULL_FAULTS: '1' });
    if (!isPassed) process.exitCode = 1;
  }
}

void main();
