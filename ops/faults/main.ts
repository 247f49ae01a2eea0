/** `npm run faults`: the scenarios with every fault in its full length, which takes hours; other arguments go to jest. */
import { listenForInterruption } from '../../lib/process/interruption';
import { runJest } from '../local/run-jest';

async function main(): Promise<void> {
  const { signal } = listenForInterruption({
    source: process,
    nowMs: () => performance.now(),
    onSecond: () => process.exit(1),
  });
  const args = ['--selectProjects', 'scenarios', '--runInBand', '--verbose'];
  const isPassed = await runJest([...args, ...process.argv.slice(2)], signal, {
    AFTERBUILD_FULL_FAULTS: '1',
  });
  process.exitCode = isPassed ? 0 : 1;
}

void main();
