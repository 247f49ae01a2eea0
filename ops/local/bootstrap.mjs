/**
 * What `npm start`, `npm test` and `npm run stack`, `bench`, `faults`, `soak` and `matrix` begin with, on a machine that has nothing
 * of ours yet: checks the tools, installs the packages, compiles, and hands over to the compiled program.
 *
 * Plain Node, no package, no syntax that an old Node could not read: it has to be able to say what is missing.
 * Exit codes of its own: 2 wrong usage, 3 a tool is missing or too old, 5 installing or compiling failed.
 */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..');
const programs = {
  start: 'dist/ops/local/start.js',
  stack: 'dist/ops/local/stack-command.js',
  test: 'dist/ops/local/run-tests.js',
  bench: 'dist/bench/main.js',
  faults: 'dist/ops/faults/main.js',
  soak: 'dist/ops/soak/main.js',
  matrix: 'dist/ops/matrix/main.js',
};
const exitCode = { usage: 2, prerequisite: 3, build: 5 };

const isMac = process.platform === 'darwin';
const goArchive = `https://go.dev/dl/go1.26.8.linux-${process.arch === 'x64' ? 'amd64' : process.arch}.tar.gz`;
const apt = (name) => `sudo apt-get update && sudo apt-get install -y ${name}`;

/** `atLeast`: [major, minor]. `version`: finds it in what the tool prints. */
const tools = [
  {
    title: 'Node.js',
    command: [process.execPath, '--version'],
    atLeast: [20, 19],
    version: /v(\d+)\.(\d+)/,
    debian:
      'curl -fsSL https://deb.nodesource.com/setup_24.x | sudo -E bash - && sudo apt-get install -y nodejs',
    mac: 'brew install node',
  },
  {
    title: 'npm',
    command: ['npm', '--version'],
    atLeast: [9, 0],
    version: /^(\d+)\.(\d+)/m,
    debian: 'sudo npm install --global npm@11 || sudo apt-get install -y npm',
    mac: 'brew install node',
  },
  {
    title: 'a JDK',
    command: [
      process.env.JAVA_HOME ? path.join(process.env.JAVA_HOME, 'bin', 'java') : 'java',
      '-version',
    ],
    atLeast: [17, 0],
    version: /version "(\d+)(?:\.(\d+))?/,
    debian: apt('openjdk-17-jdk-headless'),
    mac: 'brew install --cask temurin@17',
  },
  {
    title: 'Maven',
    command: ['mvn', '--version'],
    atLeast: [3, 6],
    version: /Apache Maven (\d+)\.(\d+)/,
    debian: apt('maven'),
    mac: 'brew install maven',
  },
  {
    title: 'Go',
    command: ['go', 'version'],
    atLeast: [1, 21],
    version: /go version go(\d+)\.(\d+)/,
    debian: `curl -fsSL ${goArchive} | sudo tar -C /usr/local -xz && export PATH="/usr/local/go/bin:$PATH"`,
    mac: 'brew install go',
  },
  {
    title: 'git',
    command: ['git', '--version'],
    atLeast: [2, 0],
    version: /git version (\d+)\.(\d+)/,
    debian: apt('git'),
    mac: 'brew install git',
  },
];

function found(tool) {
  const run = spawnSync(tool.command[0], tool.command.slice(1), {
    encoding: 'utf8',
    timeout: 30_000,
  });
  const match = tool.version.exec(`${run.stdout || ''}\n${run.stderr || ''}`);
  return match === null ? undefined : [Number(match[1]), Number(match[2] || 0)];
}

const isEnough = (version, least) =>
  version[0] > least[0] || (version[0] === least[0] && version[1] >= least[1]);

/** @returns what is wrong, a sentence a tool, with the command that mends it. */
function missingTools() {
  const problems = [];
  for (const tool of tools) {
    const version = found(tool);
    if (version !== undefined && isEnough(version, tool.atLeast)) continue;
    const wanted = `${tool.title} ${tool.atLeast.join('.')} or newer`;
    const has = version === undefined ? 'is missing' : `is needed; this is ${version.join('.')}`;
    problems.push(`${wanted} ${has}. Install it with: ${isMac ? tool.mac : tool.debian}`);
  }
  return problems;
}

function fail(code, message) {
  console.error(message);
  process.exit(code);
}

function checkTools() {
  const problems = missingTools();
  if (problems.length > 0) fail(exitCode.prerequisite, problems.join('\n'));
}

const isAlive = (pid) => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
};

const pause = (ms) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);

/** Two commands in one clone must not install or compile at the same time. */
function withLock(work) {
  const lock = path.join(root, '.afterbuild', 'bootstrap.lock');
  try {
    fs.mkdirSync(path.dirname(lock), { recursive: true });
    fs.accessSync(path.dirname(lock), fs.constants.W_OK);
  } catch {
    fail(exitCode.build, `You may not write to ${path.dirname(lock)}; use a clone of your own.`);
  }
  let told = false;
  for (;;) {
    try {
      fs.writeFileSync(lock, String(process.pid), { flag: 'wx' });
      break;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
      const holder = Number(fs.readFileSync(lock, { encoding: 'utf8', flag: 'a+' }));
      if (holder > 0 && !isAlive(holder)) fs.rmSync(lock, { force: true });
      else if (!told)
        console.error(`waiting for process ${holder}, which installs or compiles here`);
      told = true;
      pause(300);
    }
  }
  try {
    return work();
  } finally {
    fs.rmSync(lock, { force: true });
  }
}

function readIfThere(file) {
  return fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : undefined;
}

/** Installs only when the lock file is another one than at the last time. */
function install() {
  const stamp = path.join(root, 'node_modules', '.afterbuild-installed');
  const lockFile = fs.readFileSync(path.join(root, 'package-lock.json'));
  const wanted = createHash('sha256')
    .update(lockFile)
    .update(`${process.platform} ${process.arch}`)
    .digest('hex');
  if (readIfThere(stamp) === wanted) return;
  console.error('installing the packages of package-lock.json (about 70 MB, once)');
  const run = spawnSync('npm', ['ci', '--loglevel=error', '--no-fund', '--no-audit'], {
    cwd: root,
    stdio: ['ignore', process.stderr, process.stderr],
  });
  if (run.status !== 0) {
    fail(
      exitCode.build,
      'The packages could not be installed; npm said why above. Check the network, then start again.',
    );
  }
  fs.writeFileSync(stamp, wanted);
}

const sourceFolders = [
  'producers',
  'consumers',
  'schemas',
  'connect',
  'lib',
  'cli',
  'ops',
  'bench',
];

function sourceFiles() {
  const files = ['package-lock.json', 'tsconfig.json', 'tsconfig.build.json'];
  for (const folder of sourceFolders) {
    if (!fs.existsSync(path.join(root, folder))) continue;
    for (const file of fs.readdirSync(path.join(root, folder), { recursive: true })) {
      if (file.endsWith('.ts') && !file.endsWith('.test.ts')) files.push(path.join(folder, file));
    }
  }
  return files.sort();
}

/** Names, sizes and times of the sources: a deleted or renamed one counts as a change too. */
function sourcesFingerprint() {
  const hash = createHash('sha256');
  for (const file of sourceFiles()) {
    const stat = fs.statSync(path.join(root, file));
    hash.update(`${file} ${stat.size} ${stat.mtimeMs}\n`);
  }
  return hash.digest('hex');
}

function compile(node) {
  const stamp = path.join(root, 'dist', '.afterbuild-compiled');
  const wanted = sourcesFingerprint();
  if (readIfThere(stamp) === wanted) return true;
  console.error('compiling');
  const tsc = path.join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const run = spawnSync(node, [tsc, '-p', 'tsconfig.build.json'], {
    cwd: root,
    stdio: ['ignore', process.stderr, process.stderr],
  });
  if (run.status !== 0) return false;
  fs.writeFileSync(stamp, wanted);
  return true;
}

/** Our own Node 24 where npm has one for this platform, else the running one if it is new enough. */
function findNode() {
  const bundled = path.join(root, 'node_modules', '.bin', 'node');
  if (fs.existsSync(bundled)) return bundled;
  if (Number(process.versions.node.split('.')[0]) >= 24) return process.execPath;
  return fail(
    exitCode.prerequisite,
    `Node.js 24 or newer is needed on ${process.platform} ${process.arch}; this is ${process.versions.node}. Install it with: ${isMac ? tools[0].mac : tools[0].debian}`,
  );
}

function handOver(node, program, args) {
  const bin = path.join(root, 'node_modules', '.bin');
  // KafkaJS computes timeouts that may be negative; Node 24 warns and uses 1 ms, which is what is meant.
  const flags = ['--enable-source-maps', '--disable-warning=TimeoutNegativeWarning'];
  const child = spawn(node, [...flags, path.join(root, program), ...args], {
    stdio: 'inherit',
    env: { ...process.env, PATH: `${bin}${path.delimiter}${process.env.PATH}` },
  });
  // A terminal's Ctrl-C reaches the child by itself; it takes the same signal twice in a row for one.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => child.kill(signal));
  }
  child.on('error', (error) =>
    fail(exitCode.build, `${node} could not be started: ${error.message}`),
  );
  child.on('exit', (code, signal) => {
    process.exit(code === null ? 128 + os.constants.signals[signal] : code);
  });
}

function main() {
  const [name, ...args] = process.argv.slice(2);
  if (name === 'check') {
    checkTools();
    console.log('All tools are there.');
    return;
  }
  const program = programs[name];
  if (program === undefined) {
    fail(
      exitCode.usage,
      `usage: node ops/local/bootstrap.mjs ${Object.keys(programs).join('|')}|check`,
    );
  }
  checkTools();
  const node = withLock(() => {
    install();
    const chosen = findNode();
    if (compile(chosen)) return chosen;
    if (name === 'test') console.log('0 passed, 1 failed');
    process.exitCode = exitCode.build;
    return undefined;
  });
  if (node === undefined) console.error('The sources do not compile; tsc said why above.');
  else handOver(node, program, args);
}

main();
