import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { projectRoot } from '../../lib/process/root';

let bin: string;
beforeEach(() => {
  bin = mkdtempSync(join(tmpdir(), 'tools-'));
  const said: Readonly<Record<string, string>> = {
    npm: '11.6.0',
    java: 'openjdk version "21.0.2" 2024-01-16',
    mvn: 'Apache Maven 3.9.6 (bc0240f3c744dd6b6ec2920b3cd08dcc295161ae)',
    go: 'go version go1.26.8 linux/amd64',
    git: 'git version 2.39.5 (Apple Git-154)',
  };
  for (const [name, text] of Object.entries(said)) fakeTool(name, text);
});
afterEach(() => rmSync(bin, { recursive: true, force: true }));

function fakeTool(name: string, text: string): void {
  const file = join(bin, name);
  writeFileSync(file, `#!/bin/sh\necho '${text}' >&2\n`);
  chmodSync(file, 0o755);
}

function check() {
  const script = join(projectRoot, 'ops/local/bootstrap.mjs');
  const run = spawnSync(process.execPath, [script, 'check'], {
    encoding: 'utf8',
    env: { PATH: bin },
    timeout: 30_000,
  });
  return { code: run.status, problems: run.stderr.trimEnd().split('\n') };
}

it('is content when every tool is there', () => {
  expect(check()).toEqual({ code: 0, problems: [''] });
});

it('names a missing tool in one sentence with the command that installs it', () => {
  rmSync(join(bin, 'mvn'));
  const { code, problems } = check();
  expect(code).toBe(3);
  expect(problems).toHaveLength(1);
  expect(problems[0]).toMatch(/^Maven 3\.6 or newer is missing\. Install it with: \S+/);
});

it('names a tool that is too old, an old style of numbers included', () => {
  fakeTool('java', 'openjdk version "1.8.0_432"');
  expect(check().problems).toEqual([
    expect.stringMatching(/^a JDK 17\.0 or newer is needed; this is 1\.8\. Install it with: /),
  ]);
});

it('names all of them at once', () => {
  for (const name of ['npm', 'java', 'mvn', 'go', 'git']) rmSync(join(bin, name));
  expect(check().problems).toHaveLength(5);
});
