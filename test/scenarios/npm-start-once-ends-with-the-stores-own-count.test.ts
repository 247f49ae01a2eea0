import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { projectRoot } from '../../lib/process/root';
import { runningServers } from '../../ops/local/stack';

const dataDir = mkdtempSync(join(tmpdir(), 'afterbuild-start-'));
const size = ['--once', '--keep', '--builds', '5', '--artifacts', '200'];

/** Day, job, artifact and a file that is no trace: after the drain only kept artifacts have one. */
const artifactObject = /\/\d{4}_\d{2}_\d{2}\/\d+\/\d+\/(?!job\.log)[^/]+$/;

interface Ending {
  readonly code: number | null;
  readonly lines: readonly string[];
}

/** What `npm start` runs once everything is installed and built. */
function start(...args: readonly string[]): Promise<Ending> {
  const program = join(projectRoot, 'dist/ops/local/start.js');
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [program, '--data', dataDir, ...args],
      { timeout: 280_000 },
      (_, stdout, stderr) => {
        const lines = `${stderr}${stdout}`.trimEnd().split('\n');
        resolve({ code: child.exitCode, lines });
      },
    );
  });
}

afterAll(() => rmSync(dataDir, { recursive: true, force: true }));

test('npm start -- --once drains the seeded work, and the last line says what the stores hold', async () => {
  const { code, lines } = await start(...size);
  expect(lines.at(-1)).toBe('archived 3 traces, deleted 160 artifacts, kept 40, invariants hold');
  expect(code).toBe(0);
  expect(runningServers(dataDir)).toEqual([]);
});

test('a broken invariant is named with its ids, and the exit code is 1', async () => {
  const objects = join(dataDir, 'objects', 'gitlab-artifacts');
  const [lost] = readdirSync(objects, { recursive: true, encoding: 'utf8' }).filter((path) =>
    artifactObject.test(path),
  );
  rmSync(join(objects, lost!));
  const { code, lines } = await start(...size);
  expect(lines.at(-1)).toBe(
    'archived 3 traces, deleted 160 artifacts, kept 40, invariants are broken',
  );
  expect(lines.join('\n')).toMatch(/I3: 1 .*: \d+/);
  expect(code).toBe(1);
});
