/** `npm run faults`: the scenarios with every fault in its full length, which takes hours; other arguments go to jest. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { projectRoot } from '../../lib/process/root';

const jest = join(projectRoot, 'node_modules/jest/bin/jest.js');
const args = [
  '--selectProjects',
  'scenarios',
  '--runInBand',
  '--verbose',
  ...process.argv.slice(2),
];

const { status } = spawnSync(process.execPath, [jest, ...args], {
  cwd: projectRoot,
  stdio: 'inherit',
  env: { ...process.env, AFTERBUILD_FULL_FAULTS: '1' },
});
process.exitCode = status ?? 1;
