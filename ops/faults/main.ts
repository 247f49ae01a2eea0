/**
 * `npm run faults`: runs the scenarios with every fault in its full length, which takes hours; other arguments go to
 * jest.
 */
import { listenForInterruption } from '../../lib/process/interruption';
import { runJest } from '../local/run-jest';

const help = `Usage: npm run faults -- [arguments of jest]

Runs the scenarios with every fault in its full length, on servers of their own: hours.

  npm run faults                                        # all of them
  npm run faults -- --testPathPatterns an-outage        # the files whose names match
  npm run faults -- -t 'killed'                         # the tests whose names match

Exit codes: 0 all passed, 1 something failed. npm test runs the same scenarios in short.`;

async function main(): Promise<void> {
  if (process.argv.slice(2).some((argument) => argument === '--help' || argument === '-h')) {
    console.log(help);
    return;
  }
  const { signal } = listenForInterruption({
    source: process,
    nowMs: () => performance.now(),
    onSecond: () => process.exit(1),
  });
  process.exitCode = 0;
  for (const project of ['scenarios', 'brokers']) {
    const given = process.argv.slice(2);
    // The requested test may be in the other project.
    const args = ['--selectProjects', project, '--runInBand', '--verbose', '--passWithNoTests'];
    const isPassed = await runJest([...args, ...given], signal, { AFTERBUILD_FULL_FAULTS: '1' });
    if (!isPassed) process.exitCode = 1;
  }
}

void main();
