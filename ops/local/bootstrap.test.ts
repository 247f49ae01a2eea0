import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
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

describe('a clone', () => {
  let clone: string;
  beforeEach(() => {
    clone = mkdtempSync(join(tmpdir(), 'clone-'));
    for (const folder of ['ops/local', 'dist/ops/local', 'node_modules'])
      mkdirSync(join(clone, folder), { recursive: true });
    for (const name of ['bootstrap.mjs', 'bootstrap-tools.mjs'])
      copyFileSync(join(projectRoot, 'ops/local', name), join(clone, 'ops/local', name));
    const packages = { '': {}, 'node_modules/pino': { version: '10.4.0' } };
    for (const name of ['package-lock.json', 'node_modules/.package-lock.json'])
      writeFileSync(join(clone, name), JSON.stringify({ packages }));
    for (const name of ['tsconfig.json', 'tsconfig.build.json'])
      writeFileSync(join(clone, name), '{}');
    const program = 'console.log(process.argv.slice(2).join(" "));';
    writeFileSync(join(clone, 'dist/ops/local/afterbuild.js'), program);
  });
  afterEach(() => rmSync(clone, { recursive: true, force: true }));

  function bootstrap(...args: readonly string[]) {
    const script = join(clone, 'ops/local/bootstrap.mjs');
    const options = { encoding: 'utf8', env: { PATH: bin }, timeout: 30_000 } as const;
    const { status, stdout, stderr } = spawnSync(process.execPath, [script, ...args], options);
    return { code: status, output: `${stdout}${stderr}`.trimEnd().split('\n') };
  }

  it('that was installed and built by hand runs a command at once, with Node alone', () => {
    for (const name of ['java', 'mvn', 'go', 'git']) rmSync(join(bin, name));
    expect(bootstrap('built').code).toBe(0);
    expect(bootstrap('afterbuild', '--help')).toEqual({ code: 0, output: ['--help'] });
  });

  it('that has nothing yet is installed first; a failure of npm is shown', () => {
    rmSync(join(clone, 'node_modules/.package-lock.json'));
    const npm = '#!/bin/sh\n[ "$1" = ci ] && exit 1\necho 11.6.0\n';
    writeFileSync(join(bin, 'npm'), npm);
    const { code, output } = bootstrap('afterbuild', '--help');
    expect(output[0]).toMatch(/^installing the packages/);
    expect(output[1]).toMatch(/^The packages could not be installed; .*Check the network/);
    expect(code).toBe(5);
  });

  it('says that it has stopped when a Ctrl-C has ended what it ran', () => {
    rmSync(join(clone, 'node_modules/.package-lock.json'));
    writeFileSync(join(bin, 'npm'), '#!/bin/sh\n[ "$1" = ci ] && kill -INT $$\necho 11.6.0\n');
    const { code, output } = bootstrap('start');
    expect(output[0]).toMatch(/^npm start shows/);
    expect({ code, last: output.at(-1) }).toEqual({ code: 130, last: 'stopped' });
  });
});
